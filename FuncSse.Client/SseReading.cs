using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;

namespace FuncSse.Client;

/// <summary>
/// The events of a stream, and one enumeration of them over all of its connections. It is not written as an iterator, because the compiler's
/// takes a third of the time that the parser takes for an event.
/// </summary>
/// <param name="client">The client that reads them.</param>
/// <param name="address">The absolute address of the stream.</param>
/// <param name="parse">Makes the data of an event.</param>
/// <param name="types">Types of events: those that are read, or those that are passed over.</param>
/// <param name="arePassedOver">Whether <paramref name="types"/> are passed over.</param>
/// <param name="lastEventId">The id after which the enumeration begins.</param>
/// <param name="cancelled">Ends the enumeration.</param>
internal sealed class SseReading<T>(
    SseClient client, Uri address, SseItemParser<T> parse, string[] types, bool arePassedOver, string? lastEventId, CancellationToken cancelled)
    : IAsyncEnumerable<SseItem<T>>, IAsyncEnumerator<SseItem<T>>
{
    private readonly string _address = SseRequests.Describe(address);
    private readonly SseBackoff _backoff = new(client.Options);
    private CancellationTokenSource? _linked;
    private string? _lastEventId = lastEventId;
    private volatile bool _isOver;
    private volatile bool _isWaiting;

    // These belong to the connection that is open.
    private SseConnection? _connection;
    private SseResponseStream? _stream;
    private SseParser<T>? _parser;
    private IAsyncEnumerator<SseItem<T>>? _items;
    private SseItem<T> _current;
    private long _counted;
    private string? _type;
    private bool _isRead;

    public SseItem<T> Current => _current;

    public IAsyncEnumerator<SseItem<T>> GetAsyncEnumerator(CancellationToken cancellationToken = default)
    {
        var linked = CancellationTokenSource.CreateLinkedTokenSource(cancelled, cancellationToken);
        return new SseReading<T>(client, address, parse, types, arePassedOver, _lastEventId, linked.Token) { _linked = linked };
    }

    // The parser has most events in its buffer already.
    public ValueTask<bool> MoveNextAsync()
    {
        ValueTask<bool> next = _items is null ? default : _items.MoveNextAsync();
        if (!next.IsCompletedSuccessfully)
        {
            return WaitAsync(next);
        }

        bool hasMoved = next.Result;
        return hasMoved && Take() ? new ValueTask<bool>(true) : WaitAsync(hasMoved ? _items!.MoveNextAsync() : default);
    }

    public async ValueTask DisposeAsync()
    {
        _isOver = true;
        if (_isWaiting)
        {
            await _linked!.CancelAsync().ConfigureAwait(false); // The wait ends, and closes the connection.
        }
        else
        {
            await DisconnectAsync().ConfigureAwait(false);
        }

        _linked?.Dispose();
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))] // A wait allocates nothing.
    private async ValueTask<bool> WaitAsync(ValueTask<bool> next)
    {
        _isWaiting = true;
        try
        {
            while (!_isOver)
            {
                CountEvents();
                Exception? fault = null;
                try
                {
                    if (_items is null)
                    {
                        await ConnectAsync().ConfigureAwait(false);
                        next = _items is null ? default : _items.MoveNextAsync();
                    }

                    while (await next.ConfigureAwait(false))
                    {
                        if (Take())
                        {
                            return true;
                        }

                        next = _items!.MoveNextAsync();
                    }
                }
                catch (Exception exception) when (SseConnection.IsLost(exception))
                {
                    fault = exception;
                }

                await DisconnectAsync().ConfigureAwait(false);
                await (_isOver ? Task.CompletedTask : PauseAsync(fault)).ConfigureAwait(false);
            }

            return false;
        }
        finally
        {
            _isWaiting = false;
        }
    }

    private async Task ConnectAsync()
    {
        _connection = new SseConnection(client, cancelled);
        _stream = await _connection.OpenAsync(address, _lastEventId).ConfigureAwait(false);
        if (_stream is null)
        {
            _isOver = true;
        }
        else
        {
            _counted = 0;
            SseClientLogMessages.Connected(client.Logger, _address, _lastEventId ?? "");
            client.Metrics.Active.Add(1);
            _parser = SseParser.Create(_stream!, Parse);
            _items = _parser.EnumerateAsync(_connection.Ended).GetAsyncEnumerator(CancellationToken.None);
        }
    }

    private async ValueTask DisconnectAsync()
    {
        if (_items is not null)
        {
            await _items.DisposeAsync().ConfigureAwait(false);
            _items = null;
            CountEvents();
            client.Metrics.Active.Add(-1);
            _backoff.Ended(_parser!.ReconnectionInterval, hasEvent: _stream!.Events > 0);
        }

        _connection?.Dispose();
    }

    private async Task PauseAsync(Exception? fault)
    {
        cancelled.ThrowIfCancellationRequested();
        LogLevel level = fault is not null && _backoff.Failures == 0 ? LogLevel.Warning : LogLevel.Debug;
        TimeSpan wait = _backoff.Next(fault, client.Time.GetUtcNow());
        SseClientLogMessages.Reconnecting(client.Logger, level, fault, _address, fault is null ? "has ended" : "cannot be read", wait);
        await Task.Delay(wait, client.Time, cancelled).ConfigureAwait(false);
        client.Metrics.Reconnects.Add(1, new KeyValuePair<string, object?>("funcsse.client.reconnect_reason", fault is null ? "ended" : "lost"));
    }

    private bool Take()
    {
        _current = _items!.Current;
        _stream!.Events++;
        _lastEventId = _current.EventId ?? _lastEventId;
        return _isRead;
    }

    // Events that arrive together are counted together.
    private void CountEvents()
    {
        if (_stream?.Events > _counted)
        {
            client.Metrics.Received.Add(_stream.Events - _counted);
            _counted = _stream.Events;
        }
    }

    // The data of what is passed over is not needed. The type of events without one is always the same text.
    private T Parse(string type, ReadOnlySpan<byte> data)
    {
        if (!ReferenceEquals(type, _type))
        {
            _type = type;
            string name = type.Length > 0 ? type : SseParser.EventTypeDefault; // "event:" alone is no type.
            _isRead = Array.IndexOf(types, name) < 0 == arePassedOver;
        }

        return _isRead ? parse(type, data) : default!;
    }
}
