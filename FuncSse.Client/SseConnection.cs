using System.Net;
using System.Security.Authentication;
using System.Text;

namespace FuncSse.Client;

/// <summary>One attempt to read the stream: the request, and what the answer means.</summary>
internal sealed class SseConnection : IDisposable
{
    private readonly SseClient _client;
    private readonly CancellationTokenSource _end;
    private readonly CancellationTokenRegistration _cancelled;
    private HttpResponseMessage? _response;

    public SseConnection(SseClient client, CancellationToken cancellationToken)
    {
        _client = client;
        _end = new CancellationTokenSource(client.Options.Silence, client.Time);
        _cancelled = cancellationToken.UnsafeRegister(static end => ((CancellationTokenSource)end!).Cancel(), _end);
    }

    /// <summary>Cancelled when the reading is, and when the server has been silent for too long.</summary>
    public CancellationToken Ended => _end.Token;

    /// <summary>Whether an exception means that the connection was lost, or could not be made.</summary>
    public static bool IsLost(Exception exception) =>
        exception is HttpRequestException or IOException or OperationCanceledException or InvalidDataException; // The last: a compressed body was cut.

    /// <summary>Asks for the stream.</summary>
    /// <returns>The stream, or <see langword="null"/> if the server says that there is no more (204).</returns>
    /// <exception cref="SseRefusedException">Trying again cannot help.</exception>
    /// <exception cref="SseUnavailableException">The server may answer otherwise later.</exception>
    public async Task<SseResponseStream?> OpenAsync(Uri uri, string? lastEventId)
    {
        var requests = new SseRequests(_client.Http, _client.Options.PrepareRequest, uri, lastEventId);
        try
        {
            _response = await requests.SendAsync(isUnauthorized: false, Ended).ConfigureAwait(false);
            if (_response.StatusCode == HttpStatusCode.Unauthorized && _client.Options.PrepareRequest is not null)
            {
                _response.Dispose();
                _response = await requests.SendAsync(isUnauthorized: true, Ended).ConfigureAwait(false);
            }
        }
        catch (HttpRequestException exception) when (exception.InnerException is AuthenticationException tls)
        {
            throw new SseRefusedException($"{SseRequests.Describe(uri)}: there is no TLS connection. {tls.Message}", innerException: exception);
        }

        catch (HttpRequestException exception) when (lastEventId is not null && !Ascii.IsValid(lastEventId) && exception.HttpRequestError == HttpRequestError.Unknown)
        {
            throw new SseRefusedException(
                $"{SseRequests.Describe(uri)}: the last event id {lastEventId} cannot be sent. Set RequestHeaderEncodingSelector to UTF-8 in the handler. {exception.Message}",
                innerException: exception);
        }

        string? fault = FindFault(_response);
        _end.CancelAfter(fault is null ? Timeout.InfiniteTimeSpan : TimeSpan.FromSeconds(5)); // for the first line of the body
        switch ((int)_response.StatusCode)
        {
            case 204:
                return null;
            case 408 or 425 or 429 or (>= 500 and <= 599):
                throw new SseUnavailableException($"The server answered {(int)_response.StatusCode}.", RetryAfter(_response));
            default:
                if (fault is not null)
                {
                    string? line = await FirstLineAsync(_response.Content).ConfigureAwait(false);
                    throw new SseRefusedException($"{SseRequests.Describe(uri)}: {fault}{(line is null ? "" : $" It says: {line}")}", _response.StatusCode, line);
                }

                Stream body = await _response.Content.ReadAsStreamAsync(Ended).ConfigureAwait(false);
                return new SseResponseStream(body, _client.Options.MaxEventSize, _client.Options.Silence, _end);
        }
    }

    public void Dispose()
    {
        _response?.Dispose();
        _cancelled.Dispose();
        _end.Dispose();
    }

    private static string? FindFault(HttpResponseMessage response) =>
        response.StatusCode != HttpStatusCode.OK ? $"the server answered {(int)response.StatusCode}."
        : response.Content.Headers.ContentEncoding.FirstOrDefault(encoding => encoding != "identity") is { } encoding
            ? $"the stream comes with Content-Encoding {encoding}. Set AutomaticDecompression in the handler of the HttpClient."
        : !"text/event-stream".Equals(response.Content.Headers.ContentType?.MediaType, StringComparison.OrdinalIgnoreCase)
            ? $"the server answered with the content type {response.Content.Headers.ContentType?.MediaType ?? "none"} instead of text/event-stream."
        : null;

    private TimeSpan? RetryAfter(HttpResponseMessage response) =>
        response.Headers.RetryAfter is { } after ? after.Delta ?? after.Date - _client.Time.GetUtcNow() : null;

    private async Task<string?> FirstLineAsync(HttpContent content)
    {
        byte[] start = new byte[800]; // 200 characters
        int length = 0;
        try
        {
            if (content.Headers.ContentEncoding.Count == 0)
            {
                using Stream body = await content.ReadAsStreamAsync(Ended).ConfigureAwait(false);
                length = await body.ReadAtLeastAsync(start, start.Length, throwOnEndOfStream: false, Ended).ConfigureAwait(false);
            }
        }
        catch (Exception exception) when (IsLost(exception))
        {
            // The status says enough.
        }

        string text = Encoding.UTF8.GetString(start, 0, length).TrimStart();
        int end = text.AsSpan().IndexOfAny('\r', '\n');
        text = new string([.. text[..(end < 0 ? text.Length : end)].Take(200).Where(character => !char.IsControl(character))]).Trim();
        return text.Length == 0 ? null : text;
    }
}
