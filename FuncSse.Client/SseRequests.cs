using System.Net;
using System.Net.Http.Headers;
using System.Security.Authentication;
using System.Text;

namespace FuncSse.Client;

/// <summary>The requests of one attempt to connect: it follows redirects itself, since a handler would send the credentials along.</summary>
internal sealed class SseRequests(HttpClient http, SsePrepareRequest? prepare, Uri uri, string? lastEventId)
{
    private const int MaxRedirects = 20; // As in browsers.

    private static readonly HttpRequestOptionsKey<bool> s_browserStreams = new("WebAssemblyEnableStreamingResponse");

    /// <summary>An address without its query, which may contain a token.</summary>
    public static string Describe(Uri uri) => uri.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped);

    /// <returns>The first response that is no redirect, without its body.</returns>
    /// <exception cref="SseRefusedException">A redirect leads nowhere, or the request cannot be sent.</exception>
    /// <exception cref="InvalidOperationException">The handler has followed a redirect that it should not have followed.</exception>
    public async Task<HttpResponseMessage> SendAsync(bool isUnauthorized, CancellationToken cancellationToken)
    {
        Uri? origin = null;
        Uri target = uri;
        bool isForeign = false;
        for (int redirects = 0; ; redirects++)
        {
            HttpRequestMessage request = await CreateAsync(target, isForeign, isUnauthorized, cancellationToken).ConfigureAwait(false);
            target = redirects == 0 ? request.RequestUri! : target; // It may have been given a token.
            request.RequestUri = target;
            origin ??= target;
            HttpMethod method = request.Method;
            HttpResponseMessage response = await SendAsync(request, cancellationToken).ConfigureAwait(false);
            if (request.Method != method || (!IsSameOrigin(request.RequestUri!, target) && (prepare is not null || http.DefaultRequestHeaders.Any())))
            {
                response.Dispose();
                throw new InvalidOperationException(
                    $"The handler of the HttpClient has followed a redirect from {Describe(target)} to {Describe(request.RequestUri!)}, and may have sent credentials there. " +
                    "Set AllowAutoRedirect to false in it: the client follows redirects itself.");
            }

            if (response.StatusCode is not (HttpStatusCode.Moved or HttpStatusCode.Redirect or HttpStatusCode.RedirectMethod
                or HttpStatusCode.RedirectKeepVerb or HttpStatusCode.PermanentRedirect))
            {
                return response;
            }

            using (response)
            {
                Uri? next = response.Headers.Location is { } location && Uri.TryCreate(target, location, out Uri? found) ? found : null;
                if (redirects == MaxRedirects || next?.Scheme is not ("https" or "http") || (next.Scheme == "http" && target.Scheme == "https"))
                {
                    string fault = redirects == MaxRedirects ? $"more than {MaxRedirects} times" : $"to {next?.Scheme ?? "no address"}";
                    throw new SseRefusedException($"{Describe(target)}: the server redirects {fault}.", response.StatusCode);
                }

                target = next;
                isForeign |= !IsSameOrigin(origin, target); // Once a redirect has left the origin, no later request carries credentials.
            }
        }
    }

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        try
        {
            return await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken).ConfigureAwait(false);
        }
        catch (HttpRequestException exception) when (IsFinal(exception))
        {
            throw new SseRefusedException($"{Describe(uri)}: {exception.InnerException?.Message ?? exception.Message}", innerException: exception);
        }
    }

    // Waiting mends neither a refused certificate nor a handler that cannot send an id.
    private bool IsFinal(HttpRequestException exception) =>
        exception.InnerException is AuthenticationException || (exception.HttpRequestError == HttpRequestError.Unknown && !Ascii.IsValid(lastEventId));

    private async Task<HttpRequestMessage> CreateAsync(Uri target, bool isForeign, bool isUnauthorized, CancellationToken cancellationToken)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, target) { Version = http.DefaultRequestVersion, VersionPolicy = http.DefaultVersionPolicy };
        if (prepare is not null)
        {
            await prepare(request, isUnauthorized, cancellationToken).ConfigureAwait(false);
        }

        if (isForeign)
        {
            // The HttpClient adds its own headers where there is none of their name.
            request.Headers.Clear();
            foreach (KeyValuePair<string, IEnumerable<string>> header in http.DefaultRequestHeaders)
            {
                request.Headers.TryAddWithoutValidation(header.Key, "");
            }
        }

        request.Options.Set(s_browserStreams, true);
        request.Headers.Accept.Clear();
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
        if (!string.IsNullOrEmpty(lastEventId))
        {
            request.Headers.TryAddWithoutValidation("Last-Event-ID", lastEventId);
        }

        return request;
    }

    private static bool IsSameOrigin(Uri one, Uri other) =>
        Uri.Compare(one, other, UriComponents.SchemeAndServer, UriFormat.UriEscaped, StringComparison.OrdinalIgnoreCase) == 0;
}
