using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;

namespace FuncSse.Client;

/// <summary>
/// The events of a stream, and one enumeration of them over all of its connections. It is no iterator of the compiler, since those cost a
/// third of what an event does, and cannot be disposed in the middle of a wait.
/// </summary>
/// <param name="client">The client that reads them.</param>
/// <param name="address">The absolute address of the stream.</param>
/// <param name="parse">Makes the data of an event.</param>
/// <param name="reads">Whether events of a type are yielded. Others are passed over, and their ids count.</param>
/// <param name="lastEventId">The id after which the enumeration begins.</param>
/// <param name="cancelled">Ends the enumeration, and closes its connection.</param>
internal sealed class SseReading<T>(
    SseClient client, Uri address, SseItemParser<T> parse, Func<string, bool> reads, string? lastEventId, CancellationToken cancelled)
    : IAsyncEnumerable<SseItem<T>>, IAsyncEnumerator<SseItem<T>>
{
    private CancellationTokenSource? _end;
    private SseConnection? _connection;
    private SseDecoder<T> _decoder = new(client, parse, reads, lastEventId);
    private SseItem<T> _current;
    private TimeSpan _retry = client.Options.Retry;
    private int _failures; // since the last event
    private volatile bool _isOver;

    public SseItem<T> Current => _current;

    public IAsyncEnumerator<SseItem<T>> GetAsyncEnumerator(CancellationToken cancellationToken = default)
    {
        var end = CancellationTokenSource.CreateLinkedTokenSource(cancelled, cancellationToken);
        return new SseReading<T>(client, address, parse, reads, lastEventId, end.Token) { _end = end };
    }

    // The decoder has most events already.
    public ValueTask<bool> MoveNextAsync() => !_isOver && _decoder.TryRead(out _current) ? new ValueTask<bool>(true) : WaitAsync();

    public async ValueTask DisposeAsync()
    {
        _isOver = true;
        await (_end?.CancelAsync() ?? Task.CompletedTask).ConfigureAwait(false); // A wait that goes on ends.
        _connection?.Dispose();
        _end?.Dispose();
        _end = null;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))] // A wait allocates nothing.
    private async ValueTask<bool> WaitAsync()
    {
        while (!_isOver)
        {
            (bool hasBytes, Exception? fault) = (false, null);
            _connection ??= new SseConnection(client, address, _decoder.LastEventId, cancelled);
            try
            {
                hasBytes = await _connection.ReadAsync(_decoder.Bytes).ConfigureAwait(false);
                _isOver |= _connection.IsOver;
            }
            catch (Exception exception) when (SseConnection.IsLost(exception))
            {
                fault = exception;
            }

            if (hasBytes)
            {
                if (_decoder.TryRead(out _current))
                {
                    return true;
                }

                continue;
            }

            _connection.Dispose();
            await (_isOver ? Task.CompletedTask : PauseAsync(_connection, fault)).ConfigureAwait(false);
            _connection = null;
            _decoder = new SseDecoder<T>(client, parse, reads, _decoder.LastEventId);
        }

        return false;
    }

    private async Task PauseAsync(SseConnection connection, Exception? fault)
    {
        cancelled.ThrowIfCancellationRequested();
        _retry = _decoder.Retry ?? _retry;
        _failures = (_decoder.HasEvent ? 0 : _failures) + (fault is null ? 0 : 1);
        double wait = Math.Max(_retry.TotalMilliseconds, _decoder.HasEvent ? 0 : 100); // retry: 0 without an event would flood the server.
        double doubled = fault is null ? 0 : Math.Min(wait * Math.Pow(2, _failures - 1), client.Options.MaxBackoff.TotalMilliseconds);
        wait = Math.Max(wait, doubled * (0.5 + (Random.Shared.NextDouble() / 2)));
        wait = connection.RetryAfter is { Ticks: > 0 } after ? Math.Min(after.TotalMilliseconds, 300_000) : wait;
        var pause = TimeSpan.FromMilliseconds(wait);
        LogLevel level = fault is not null && _failures == 1 ? LogLevel.Warning : LogLevel.Debug;
        string what = fault is null ? "has ended" : "cannot be read";
        SseClientLogMessages.Reconnecting(client.Logger, level, fault, connection.Address, what, pause);
        await Task.Delay(pause, client.Time, cancelled).ConfigureAwait(false);
        string reason = fault is null ? "ended" : "lost";
        client.Metrics.Reconnects.Add(1, new KeyValuePair<string, object?>("funcsse.client.reconnect_reason", reason));
    }
}
