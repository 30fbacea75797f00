using System.Buffers;
using System.Net;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Security.Authentication;
using System.Text;

namespace FuncSse.Client;

/// <summary>One attempt to read the stream: the requests, what the answer means, and its bytes.</summary>
/// <param name="client">The client that reads it.</param>
/// <param name="address">The absolute address of the stream.</param>
/// <param name="lastEventId">The id after which it goes on.</param>
/// <param name="cancelled">Closes the connection.</param>
internal sealed class SseConnection(SseClient client, Uri address, string? lastEventId, CancellationToken cancelled) : IDisposable
{
    private const int MaxRedirects = 20; // As in browsers.
    private const string EventStream = "text/event-stream";

    private static readonly HttpRequestOptionsKey<bool> s_browserStreams = new("WebAssemblyEnableStreamingResponse");

    private readonly CancellationTokenSource _end = new(client.Options.Silence, client.Time);
    private CancellationTokenRegistration _cancelled;
    private HttpResponseMessage? _response;
    private Stream? _body;
    private int _active; // What the connection counts for in the meter.

    /// <summary>The address without its query, which may contain a token.</summary>
    public string Address { get; } = Describe(address);

    /// <summary>Whether the server says that there is no more.</summary>
    public bool IsOver => _response?.StatusCode == HttpStatusCode.NoContent;

    /// <summary>The wait that the server asks for, if it refuses for now.</summary>
    public TimeSpan? RetryAfter { get; private set; }

    /// <summary>Whether an exception means that the connection was lost, or could not be made.</summary>
    public static bool IsLost(Exception exception) =>
        exception is HttpRequestException or IOException or OperationCanceledException or InvalidDataException; // a cut compressed body

    /// <summary>Reads the next bytes of the stream, and asks for it before the first.</summary>
    /// <returns>Whether bytes came; if not, the stream has ended.</returns>
    /// <exception cref="SseRefusedException">Trying again cannot help.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))] // A read allocates nothing.
    public async ValueTask<bool> ReadAsync(IBufferWriter<byte> bytes)
    {
        _body ??= await OpenAsync().ConfigureAwait(false);
        ValueTask<int> read = _body.ReadAsync(bytes.GetMemory(4096), _end.Token);
        if (!read.IsCompleted)
        {
            _end.CancelAfter(client.Options.Silence);
        }

        int count = await read.ConfigureAwait(false);
        _end.CancelAfter(Timeout.InfiniteTimeSpan); // The time in which an event is handled does not count.
        bytes.Advance(count);
        return count > 0;
    }

    /// <summary>Closes the connection. It may be called again, and while another thread reads.</summary>
    public void Dispose()
    {
        _cancelled.Dispose();
        _end.Cancel(); // It stops the timer as well.
        _response?.Dispose();
        client.Metrics.Active.Add(-Interlocked.Exchange(ref _active, 0));
    }

    private async Task<Stream> OpenAsync()
    {
        _cancelled = cancelled.UnsafeRegister(static end => ((CancellationTokenSource)end!).Cancel(), _end);
        HttpResponseMessage response = await FollowAsync(isUnauthorized: false).ConfigureAwait(false);
        if (response.StatusCode == HttpStatusCode.Unauthorized && client.Options.PrepareRequest is not null)
        {
            response = await FollowAsync(isUnauthorized: true).ConfigureAwait(false);
        }

        SseClientLogMessages.Answered(client.Logger, Address, (int)response.StatusCode, lastEventId ?? "");
        if ((int)response.StatusCode is 408 or 425 or 429 or (>= 500 and <= 599))
        {
            RetryAfter = response.Headers.RetryAfter?.Delta ?? response.Headers.RetryAfter?.Date - client.Time.GetUtcNow();
            response.EnsureSuccessStatusCode();
        }

        HttpContentHeaders headers = response.Content.Headers;
        string? fault = IsOver ? null
            : response.StatusCode != HttpStatusCode.OK ? $"the server answered {(int)response.StatusCode}."
            : headers.ContentEncoding.FirstOrDefault(encoding => encoding != "identity") is { } encoding
                ? $"the stream comes with Content-Encoding {encoding}. Set AutomaticDecompression in the handler of the HttpClient."
            : !EventStream.Equals(headers.ContentType?.MediaType, StringComparison.OrdinalIgnoreCase)
                ? $"the server answered with the content type {headers.ContentType?.MediaType ?? "none"} instead of {EventStream}."
            : null;
        if (fault is not null)
        {
            throw Refused(fault, response.StatusCode, await FirstLineAsync(response.Content).ConfigureAwait(false));
        }

        client.Metrics.Active.Add(_active = 1);
        return await response.Content.ReadAsStreamAsync(_end.Token).ConfigureAwait(false);
    }

    // A handler that follows redirects sends the credentials along, and another method.
    private async Task<HttpResponseMessage> FollowAsync(bool isUnauthorized)
    {
        Uri target = address;
        bool isForeign = false;
        for (int redirects = 0; redirects <= MaxRedirects; redirects++)
        {
            HttpRequestMessage request = await CreateAsync(target, isForeign, isUnauthorized).ConfigureAwait(false);
            target = redirects == 0 ? request.RequestUri! : target; // The hook may put a token into it.
            request.RequestUri = target;
            HttpMethod method = request.Method;
            _response?.Dispose();
            _response = await SendAsync(request).ConfigureAwait(false);
            bool hasCredentials = client.Options.PrepareRequest is not null || client.Http.DefaultRequestHeaders.Any();
            if (request.Method != method || (hasCredentials && Origin(request.RequestUri!) != Origin(target)))
            {
                throw new InvalidOperationException(
                    $"The handler of the HttpClient has followed a redirect from {Describe(target)} to {Describe(request.RequestUri!)}, and may have " +
                    "sent credentials there. Set AllowAutoRedirect to false in it: the client follows redirects itself.");
            }

            if ((int)_response.StatusCode is not (301 or 302 or 303 or 307 or 308))
            {
                return _response;
            }

            if (!Uri.TryCreate(target, _response.Headers.Location, out Uri? next)
                || (next.Scheme != Uri.UriSchemeHttps && next.Scheme != target.Scheme))
            {
                throw Refused($"{Describe(target)} redirects to {next?.Scheme ?? "no address"}.", _response.StatusCode);
            }

            isForeign |= Origin(next) != Origin(target); // Once a redirect has left the origin, no later request carries credentials.
            target = next;
        }

        throw Refused($"the server redirects more than {MaxRedirects} times.", _response!.StatusCode);
    }

    private async Task<HttpRequestMessage> CreateAsync(Uri target, bool isForeign, bool isUnauthorized)
    {
        HttpClient http = client.Http;
        var request = new HttpRequestMessage(HttpMethod.Get, target);
        (request.Version, request.VersionPolicy) = (http.DefaultRequestVersion, http.DefaultVersionPolicy);
        if (client.Options.PrepareRequest is { } prepare)
        {
            await prepare(request, isUnauthorized, _end.Token).ConfigureAwait(false);
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
        request.Headers.Accept.ParseAdd(EventStream);
        if (!string.IsNullOrEmpty(lastEventId))
        {
            request.Headers.TryAddWithoutValidation("Last-Event-ID", lastEventId);
        }

        return request;
    }

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request)
    {
        try
        {
            return await client.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, _end.Token).ConfigureAwait(false);
        }
        catch (HttpRequestException exception) when (IsFinal(exception))
        {
            throw Refused(exception.InnerException?.Message ?? exception.Message, cause: exception);
        }
    }

    // Waiting mends neither a refused certificate nor a handler that cannot send an id.
    private bool IsFinal(HttpRequestException exception) =>
        exception.InnerException is AuthenticationException || (exception.HttpRequestError == HttpRequestError.Unknown && !Ascii.IsValid(lastEventId));

    private static string Describe(Uri uri) => uri.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped);

    private static string Origin(Uri uri) => uri.GetComponents(UriComponents.SchemeAndServer, UriFormat.UriEscaped);

    private async Task<string?> FirstLineAsync(HttpContent content)
    {
        char[] start = new char[content.Headers.ContentEncoding.Count == 0 ? 400 : 0];
        int length = 0;
        try
        {
            _end.CancelAfter(TimeSpan.FromSeconds(5));
            using var reader = new StreamReader(await content.ReadAsStreamAsync(_end.Token).ConfigureAwait(false));
            for (int count = 1; count > 0 && !start.AsSpan(0, length).TrimStart().Contains('\n'); length += count)
            {
                count = await reader.ReadAsync(start.AsMemory(length), _end.Token).ConfigureAwait(false);
            }
        }
        catch (Exception exception) when (IsLost(exception))
        {
            // What has come is enough.
        }

        string line = new string(start, 0, length).TrimStart().Split('\r', '\n')[0];
        line = new string([.. line.Where(character => !char.IsControl(character)).Take(200)]);
        return line.Length == 0 ? null : line.TrimEnd();
    }

    private SseRefusedException Refused(string fault, HttpStatusCode? status = null, string? line = null, Exception? cause = null) =>
        new($"{Address}: {fault}{(line is null ? "" : $" It says: {line}")}", status, line, cause);
}
