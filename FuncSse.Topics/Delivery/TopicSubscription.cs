using FuncSse.Streaming;

namespace FuncSse.Topics;

/// <summary>
/// A position in the log and a set of topics. It has no queue: events that it has not sent are in the hub's ring, or in the log.
/// </summary>
/// <remarks>
/// It has one consumer, which calls <see cref="TryRead"/> until there is no frame, and then waits for the signal. The consumer continues on
/// the thread that sets the signal, and must not block it. The first frame is the opening: a position, or a reset in its place. A reset may
/// come later too.
/// </remarks>
internal sealed partial class TopicSubscription(
    TopicHub hub, TopicSet topics, string? lastEventId, SseSignal signal, Func<bool>? sendNow) : IDisposable
{
    /// <summary>The last event id of a client that asks for all events that are kept.</summary>
    public const string Earliest = "earliest";

    private readonly Lock _gate = new();
    private volatile State _state = State.Waiting;
    private PositionState? _loss;
    private byte[]? _control;
    private bool _isWoken;

    // All events of the topics up to here are sent; null before the opening.
    private LogPosition? _position;

    // Sequences in the ring: the first event that is not sent yet, or 0, and the last one that is known.
    private long _next;
    private long _last;

    private EventPage? _page;
    private int _pageIndex;

    private enum State
    {
        Waiting, // The hub has no position yet.
        Loading, // A page of the log was asked for.
        Paging,
        Live,
        Ended,
    }

    public TopicSet Topics => topics;

    /// <summary>Whether no more frames come, since the host stops or <see cref="Dispose"/> was called.</summary>
    public bool IsEnded => _state == State.Ended;

    /// <summary>Whether the ring has another event for it. <see langword="false"/> is reliable on the hub's reader only, which adds the events.</summary>
    public bool HasMore => _next != 0;

    /// <summary>Takes the next frame. Its bytes are shared by all subscriptions and must not be changed.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="next">The event of the frame; <see langword="null"/> if the frame is about the position.</param>
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

            // Each turn without a frame changes the state, or moves on in the log.
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
                    frame = _control; // The position was lost.
                    _control = null;
                    return true;
                }
            }

            frame = default;
            return false;
        }
    }

    /// <summary>
    /// A position frame, for keep-alives: all events of the topics up to this position are sent. It is empty before the opening.
    /// </summary>
    public ReadOnlyMemory<byte> PositionFrame()
    {
        lock (_gate)
        {
            if (_state == State.Live && _next == 0 && hub.OfferedUpTo is { } offered && offered.Epoch == _position!.Epoch
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

    /// <summary>The hub has a position.</summary>
    /// <param name="loss">Why the hub lost its previous position; <see langword="null"/> if it had none.</param>
    public void OnHubReady(PositionState? loss)
    {
        lock (_gate)
        {
            if (_state == State.Ended || hub.Head is not { } head || (_position is null && hub.IsLogUnreachable))
            {
                return;
            }

            if (_state == State.Waiting)
            {
                OpenAt(head);
            }
            else if (loss is { } reason && _position is not null && _position.Epoch != head.Position.Epoch)
            {
                Reset(head, reason);
            }
            else if (loss is not null && _state == State.Live)
            {
                Resume(); // The hub's position was no longer kept. The subscription's may be.
            }
        }

        signal.Set();
    }

    /// <summary>There is an event of its topics. Only the hub's reader calls this.</summary>
    /// <returns>Whether the caller must call <see cref="Wake"/>.</returns>
    public bool Offer(TopicEvent offered)
    {
        lock (_gate)
        {
            // Overlapping topics offer an event twice, and a client that comes from another instance may be ahead of this one.
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
        // Only the hub's reader uses this field.
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
            signal.Fail(exception); // This stream ends. The hub and the other streams go on.
            return;
        }

        signal.Release(wake: !isDone);
    }

    /// <summary>The log has the page that continues from the position that was asked for.</summary>
    public void OnPageLoaded(EventPage page, LogPosition from)
    {
        lock (_gate)
        {
            if (_state != State.Loading)
            {
                return;
            }

            Open(from);
            (_state, _page, _pageIndex) = (State.Paging, page, page.FirstAfter(from));
        }

        signal.Set();
    }

    /// <summary>The log has no page that continues from the position.</summary>
    public void OnPositionLost(PositionState reason)
    {
        lock (_gate)
        {
            if (_state != State.Loading)
            {
                return;
            }

            if (_position is null && lastEventId == Earliest)
            {
                Load(null); // The earliest event was deleted after its position was read. Nothing that the client saw is lost.
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
