using System.Collections.Concurrent;
using System.Net.ServerSentEvents;

namespace FuncSse.Tests;

/// <summary>
/// What a browser's <c>EventSource</c> does (WHATWG HTML §9.2.3): it connects, reads, and comes back with the last event id after the
/// time that the server named, whatever ended the stream.
/// </summary>
internal sealed class EventSource(HttpClient client, Uri url)
{
    private TimeSpan _reconnectionTime = TimeSpan.FromMilliseconds(200);
    private string _lastEventId = "";

    /// <summary>The ids of all events, in the order they came.</summary>
    public ConcurrentQueue<string> Ids { get; } = new();

    /// <summary>How often a connection was made.</summary>
    public int Connections { get; private set; }

    /// <summary>The last retry that the server named.</summary>
    public TimeSpan Retry => _reconnectionTime;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                await ReadAsync(cancellationToken);
            }
            catch (Exception exception) when (exception is IOException or HttpRequestException)
            {
                // The connection broke or could not be made: a network error, after which it tries again.
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }

            await Task.Delay(_reconnectionTime, cancellationToken).ContinueWith(_ => { }, TaskScheduler.Default);
        }
    }

    private async Task ReadAsync(CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        if (_lastEventId.Length > 0)
        {
            request.Headers.TryAddWithoutValidation("Last-Event-ID", _lastEventId);
        }

        using HttpResponseMessage response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        Assert.Equal(200, (int)response.StatusCode);
        Connections++;
        SseParser<string> parser = SseParser.Create(await response.Content.ReadAsStreamAsync(cancellationToken));
        try
        {
            await foreach (SseItem<string> item in parser.EnumerateAsync(cancellationToken))
            {
                _lastEventId = parser.LastEventId;
                Ids.Enqueue(_lastEventId);
            }
        }
        finally
        {
            if (parser.ReconnectionInterval is { TotalMilliseconds: >= 0 } retry && retry != Timeout.InfiniteTimeSpan)
            {
                _reconnectionTime = retry;
            }
        }
    }
}
