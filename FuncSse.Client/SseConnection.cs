using System.Net;
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
        _response = await requests.SendAsync(isUnauthorized: false, Ended).ConfigureAwait(false);
        if (_response.StatusCode == HttpStatusCode.Unauthorized && _client.Options.PrepareRequest is not null)
        {
            _response.Dispose();
            _response = await requests.SendAsync(isUnauthorized: true, Ended).ConfigureAwait(false);
        }

        string? fault = FindFault(_response);
        _end.CancelAfter(fault is null ? Timeout.InfiniteTimeSpan : TimeSpan.FromSeconds(5)); // for the first line of the body
        return (int)_response.StatusCode switch
        {
            204 => null,
            408 or 425 or 429 or (>= 500 and <= 599) => throw new SseUnavailableException($"The server answered {(int)_response.StatusCode}.", _response.Headers.RetryAfter),
            _ when fault is not null => throw await RefuseAsync(uri, fault, _response).ConfigureAwait(false),
            _ => new SseResponseStream(await _response.Content.ReadAsStreamAsync(Ended).ConfigureAwait(false), _client.Options, _end),
        };
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

    private async Task<SseRefusedException> RefuseAsync(Uri uri, string fault, HttpResponseMessage response)
    {
        byte[] start = new byte[800]; // 200 characters
        int length = 0;
        try
        {
            using Stream body = await response.Content.ReadAsStreamAsync(Ended).ConfigureAwait(false);
            bool isMore = response.Content.Headers.ContentEncoding.Count == 0;
            while (isMore && length < start.Length && !start.AsSpan(0, length).TrimStart("\r\n"u8).Contains((byte)'\n'))
            {
                int count = await body.ReadAsync(start.AsMemory(length), Ended).ConfigureAwait(false);
                length += count;
                isMore = count > 0;
            }
        }
        catch (Exception exception) when (IsLost(exception))
        {
            // The status says enough.
        }

        string text = Encoding.UTF8.GetString(start, 0, length).Trim();
        string line = new([.. text.TakeWhile(character => character is not ('\r' or '\n')).Where(character => !char.IsControl(character)).Take(200)]);
        string message = $"{SseRequests.Describe(uri)}: {fault}{(line.Length == 0 ? "" : $" It says: {line}")}";
        return new SseRefusedException(message, response.StatusCode, line.Length == 0 ? null : line);
    }
}
