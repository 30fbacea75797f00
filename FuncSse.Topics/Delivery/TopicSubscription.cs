using FuncSse.Streaming;

namespace FuncSse.Topics;

/// <summary>
/// A position in the log and a set of topics. It has no queue: what it has not sent stands in the hub's ring, or in the log.
/// </summary>
/// <remarks>
/// For one consumer: it reads with <see cref="TryRead"/> until there is nothing, then waits for the signal. The consumer
/// goes on on the thread of whoever has news for it, which it must not block. The first frame is the opening: a position, or
/// a reset in its place. A reset may come later too.
/// </remarks>
internal sealed partial class TopicSubscription(
    TopicHub hub, TopicSet topics, string? lastEventId, SseSignal signal, Func<bool>? sendNow) : IDisposable
{
    /// <summary>The last event id that asks for all that is kept.</summary>
    public const string Earliest = "earliest";

    private readonly Lock _gate = new();
    private volatile State _state = State.Waiting;
    private PositionState? _loss;
    private byte[]? _control;
    private bool _isWoken;

    // Up to here all is sent that there is to send; null before the opening.
    private LogPosition? _position;

    // In the ring: the first event that is not sent yet, 0 if there is none, and the last that is known.
    private long _next;
    private long _last;

    private EventPage? _page;
    private int _index;

    private enum State
    {
        Waiting, // For the hub to know a position.
        Loading, // For a page of the log.
        Paging,
        Live,
        Ended,
    }

    public TopicSet Topics => topics;

    /// <summary>Whether the host stops, or <see cref="Dispose"/> was called: nothing more comes.</summary>
    public bool IsEnded => _state == State.Ended;

    /// <summary>Whether there is more in the ring. Only the hub's reader, which alone puts it there, can rely on a no.</summary>
    public bool HasMore => _next != 0;

    /// <summary>Takes the next frame: the same bytes for all that get the event, so they must not be changed.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="next">The event that it is; <see langword="null"/> if it is a word about the position.</param>
    public bool TryRead(out ReadOnlyMemory<byte> frame, out TopicEvent? next)
    {
        next = null;
        lock (_gate)
        {
            if (_control is not null && _state != State.Ended)
            {
                frame = _control;
                _control = null;
                return true;
            }

            // Each turn without a frame moves to another state, or further in the log.
            while (_state == State.Paging || (_state == State.Live && _next != 0))
            {
                if ((_state == State.Paging ? TryReadPage() : TryReadRing()) is { } found)
                {
                    hub.Metrics.Delivered();
                    (next, frame) = (found, found.Frame);
                    return true;
                }

                if (_control is not null)
                {
                    frame = _control; // Its place was lost.
                    _control = null;
                    return true;
                }
            }

            frame = default;
            return false;
        }
    }

    /// <summary>
    /// A position frame with the position up to which all is sent that there is to send; empty before the opening. For keep-alives.
    /// </summary>
    public ReadOnlyMemory<byte> PositionFrame()
    {
        lock (_gate)
        {
            if (_state == State.Live && _next == 0 && hub.Offered is { } offered && offered.Epoch == _position!.Epoch
                && offered.IsAfter(_position))
            {
                _position = offered;
            }

            return _position is null ? default : TopicFrame.Position(_position);
        }
    }

    public void Dispose()
    {
        End();
        hub.Unsubscribe(this);
    }

    public void End()
    {
        lock (_gate)
        {
            _state = State.Ended;
            _page = null;
        }

        signal.Set();
    }

    /// <summary>The hub has a position, or had one already.</summary>
    /// <param name="loss">Why the hub lost its place, if it did: then so did everyone.</param>
    public void Begin(PositionState? loss)
    {
        lock (_gate)
        {
            if (_state == State.Ended || hub.Head is not { } head || (_position is null && hub.IsAway))
            {
                return;
            }

            if (_state == State.Waiting)
            {
                BeginAt(head);
            }
            else if (loss is { } reason && _position is not null && _position.Epoch != head.Position.Epoch)
            {
                Reset(head, reason);
            }
            else if (loss is not null && _state == State.Live)
            {
                GoOn(); // The hub fell out of the retention; the subscription may not have.
            }
        }

        signal.Set();
    }

    /// <summary>There is an event of its topics. Called by the hub's reader only.</summary>
    /// <returns>Whether it must be woken, and is not about to be.</returns>
    public bool Offer(TopicEvent offered)
    {
        lock (_gate)
        {
            // Of two topics that overlap the second offers again; and a client of another instance may be ahead of this one.
            if (_state != State.Live || offered.Sequence <= _last || !offered.Position.IsAfter(_position!))
            {
                return false;
            }

            _last = offered.Sequence;
            if (_next == 0)
            {
                _next = offered.Sequence;
                _position = offered.Before.IsAfter(_position!) ? offered.Before : _position;
            }

            return !_isWoken && (_isWoken = true);
        }
    }

    /// <summary>Wakes the consumer after <see cref="Offer"/>.</summary>
    public void Wake()
    {
        // Only the hub's reader looks at it.
        _isWoken = false;
        if (sendNow is null || !signal.TryHold())
        {
            signal.Set();
            return;
        }

        bool isDone;
        try
        {
            isDone = sendNow();
        }
        catch (Exception exception)
        {
            signal.Fail(exception); // The stream ends with it; the hub and the other streams go on.
            return;
        }

        signal.Release(wake: !isDone);
    }

    /// <summary>The log has a page that goes on from the position that was asked for.</summary>
    public void Take(EventPage page, LogPosition from)
    {
        lock (_gate)
        {
            if (_state != State.Loading)
            {
                return;
            }

            Open(from);
            (_state, _page, _index) = (State.Paging, page, page.FirstAfter(from));
        }

        signal.Set();
    }

    /// <summary>The log has no page that goes on from the position.</summary>
    public void Lose(PositionState reason)
    {
        lock (_gate)
        {
            if (_state != State.Loading)
            {
                return;
            }

            if (_position is null && lastEventId == Earliest)
            {
                Load(null); // The log has moved on since it was asked: what it keeps begins later now, and nothing is lost.
            }
            else if (hub.Head is { } head)
            {
                Reset(head, reason);
            }
            else
            {
                (_state, _loss) = (State.Waiting, reason);
            }
        }

        signal.Set();
    }
}
