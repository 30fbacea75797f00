using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;

namespace FuncSse.Client;

/// <summary>
/// One enumeration of a stream, over all of its connections. It is not written as an iterator, because the compiler's takes a third of the
/// time that the parser takes for an event.
/// </summary>
internal sealed class SseReading<T> : IAsyncEnumerator<SseItem<T>>
{
    private readonly SseEvents<T> _events;
    private readonly SseClient _client;
    private readonly SseBackoff _backoff;
    private readonly CancellationTokenSource? _linked;
    private readonly CancellationToken _cancelled;
    private string? _lastEventId;
    private bool _isOver;

    // Of the connection that is open.
    private SseConnection? _connection;
    private SseResponseStream? _stream;
    private SseParser<T>? _parser;
    private IAsyncEnumerator<SseItem<T>>? _items;
    private SseItem<T> _current;
    private long _counted;
    private bool _isRead;

    public SseReading(SseEvents<T> events, CancellationToken cancellationToken)
    {
        _events = events;
        _client = events.Client;
        _backoff = new SseBackoff(_client.Options);
        _lastEventId = events.LastEventId;
        _linked = events.Cancelled.CanBeCanceled && cancellationToken.CanBeCanceled
            ? CancellationTokenSource.CreateLinkedTokenSource(events.Cancelled, cancellationToken)
            : null;
        _cancelled = _linked?.Token ?? (cancellationToken.CanBeCanceled ? cancellationToken : events.Cancelled);
    }

    public SseItem<T> Current => _current;

    public ValueTask<bool> MoveNextAsync()
    {
        // The parser has most events in its buffer already.
        while (_items is not null)
        {
            ValueTask<bool> next = _items.MoveNextAsync();
            if (!next.IsCompletedSuccessfully || !next.Result)
            {
                return WaitAsync(next);
            }

            if (Take())
            {
                return new ValueTask<bool>(true);
            }
        }

        return WaitAsync(default);
    }

    public async ValueTask DisposeAsync()
    {
        await DisconnectAsync().ConfigureAwait(false);
        _linked?.Dispose();
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))] // A wait allocates nothing.
    private async ValueTask<bool> WaitAsync(ValueTask<bool> next)
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
                    next = _items?.MoveNextAsync() ?? default;
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
            if (!_isOver)
            {
                await PauseAsync(fault).ConfigureAwait(false);
            }
        }

        return false;
    }

    private async Task ConnectAsync()
    {
        _connection = new SseConnection(_client, _cancelled);
        _stream = await _connection.OpenAsync(_events.Address, _lastEventId).ConfigureAwait(false);
        if (_stream is null)
        {
            _isOver = true;
            return;
        }

        _counted = 0;
        SseClientLogMessages.Connected(_client.Logger, SseRequests.Describe(_events.Address), _lastEventId ?? "");
        _client.Metrics.Active.Add(1);
        _parser = SseParser.Create(_stream, Parse);
        _items = _parser.EnumerateAsync(_connection.Ended).GetAsyncEnumerator(CancellationToken.None);
    }

    private async ValueTask DisconnectAsync()
    {
        if (_items is not null)
        {
            await _items.DisposeAsync().ConfigureAwait(false);
            _items = null;
            CountEvents();
            _client.Metrics.Active.Add(-1);
            _backoff.Ended(_parser!.ReconnectionInterval, hasEvent: _counted > 0);
        }

        _connection?.Dispose();
    }

    private async Task PauseAsync(Exception? fault)
    {
        _cancelled.ThrowIfCancellationRequested();
        bool isFirst = _backoff.Failures == 0;
        TimeSpan wait = _backoff.Next(fault);
        string address = SseRequests.Describe(_events.Address);
        if (fault is null)
        {
            SseClientLogMessages.Ended(_client.Logger, address, wait);
        }
        else
        {
            SseClientLogMessages.Lost(_client.Logger, isFirst ? LogLevel.Warning : LogLevel.Debug, fault, address, wait);
        }

        await Task.Delay(wait, _client.Time, _cancelled).ConfigureAwait(false);
        _client.Metrics.Reconnects.Add(1, new KeyValuePair<string, object?>("funcsse.client.reconnect_reason", fault is null ? "ended" : "lost"));
    }

    private bool Take()
    {
        _current = _items!.Current;
        _stream!.Events++;
        if (_current.EventId is { } id)
        {
            _lastEventId = id;
        }

        return _isRead;
    }

    // The data of what is passed over is not needed.
    private T Parse(string type, ReadOnlySpan<byte> data)
    {
        _isRead = _events.IsRead(type);
        return _isRead ? _events.Parse(type, data) : default!;
    }

    // Several at once, where they come at once.
    private void CountEvents()
    {
        if (_stream is not null && _stream.Events > _counted)
        {
            _client.Metrics.Received.Add(_stream.Events - _counted);
            _counted = _stream.Events;
        }
    }
}
