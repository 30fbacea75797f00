using FuncSse.Streaming;

namespace FuncSse.Topics;

/// <summary>
/// A position in the log and a set of topics. It has no queue: events that it has not sent are in the hub's ring, or in the log.
/// </summary>
/// <remarks>
/// It has one consumer, which calls <see cref="TryRead"/> until there is nothing, and then waits for the signal. The consumer continues on
/// the thread that sets the signal, and must not block it. The opening comes first: the retained values for a new subscriber, and a position. A loss,
/// which may come later too, is told before it.
/// </remarks>
internal sealed partial class TopicSubscription(
    TopicHub hub, TopicSet topics, string? lastEventId, SseSignal signal, Func<bool>? sendNow, TopicAuthorizationResult? access) : IDisposable
{
    /// <summary>The last event id of a client that asks for all events that are kept.</summary>
    public const string Earliest = "earliest";

    private readonly Lock _gate = new();
    private readonly string? _revocation = access?.Subject is { } subject ? Revocations.TopicOf(subject) : null;
    private volatile State _state = State.Waiting;
    private bool _isWoken;

    // All events of the topics up to here are sent; null before the opening.
    private LogPosition? _position;

    // Sequences in the ring: the first event that is not sent yet, or 0, and the last one that is known.
    private long _next;
    private long _last;

    private enum State
    {
        Waiting, // The hub has no position yet.
        Loading, // A page of the log was asked for.
        Paging,
        Live,
        Ended,
    }

    public TopicSet Topics => topics;

    /// <summary>Whether no more frames come: the hub has ended or lost its position, or <see cref="Dispose"/> was called.</summary>
    public bool IsEnded => _state == State.Ended;

    /// <summary>Whether the subscriber's right was revoked.</summary>
    public bool IsRevoked { get; private set; }

    /// <summary>Whether the ring has another event for it. <see langword="false"/> is reliable on the hub's reader only, which adds the events.</summary>
    public bool HasMore => _next != 0;

    /// <summary>Takes what comes next. An event is encoded, and is shared by all subscriptions.</summary>
    public bool TryRead(out TopicItem next)
    {
        next = default;
        lock (_gate)
        {
            while (_state != State.Ended)
            {
                if (TryReadOpening(out next))
                {
                    return true;
                }

                if (_isLoadingValues)
                {
                    return false;
                }

                // Each turn without an event changes the state, or moves on in the log.
                TopicEvent? found;
                if (_state == State.Paging)
                {
                    found = TryReadPage();
                }
                else if (_state == State.Live && _next != 0)
                {
                    found = TryReadRing();
                }
                else
                {
                    return false;
                }

                if (found is not null && !IsInValue(found) && found.TryEncode(hub.Metrics))
                {
                    hub.Metrics.Delivered();
                    next = new TopicItem(found);
                    return true;
                }
            }

            return false;
        }
    }

    /// <summary>
    /// All events of the topics up to this position are sent; <see langword="null"/> before the opening, and while the client has not been told of a
    /// loss.
    /// </summary>
    public LogPosition? FindPosition()
    {
        lock (_gate)
        {
            if (_position is null || _opening is not null)
            {
                return null;
            }

            if (_state == State.Live && _next == 0 && hub.OfferedUpTo is { } offered && offered.IsAfter(_position))
            {
                _position = offered;
            }

            return _position;
        }
    }

    public void Dispose()
    {
        End();
        hub.Unsubscribe(this);
    }

    /// <summary>Ends it if the subscriber's right was revoked after it was given.</summary>
    public void EndIfRevoked(Revocations revocations)
    {
        if (_revocation is not null && revocations.IsRevoked(access!.Subject!, access.Given))
        {
            EndRevoked();
        }
    }

    /// <summary>Ends it if this revocation, which comes now, is about the subscriber. A stream that a rule of the app let in has no ticket to compare.</summary>
    public void EndIfRevoked(string revocation, DateTimeOffset until)
    {
        if (_revocation == revocation && (!access!.IsByTicket || access.Given is not { } given || given <= until))
        {
            EndRevoked();
        }
    }

    private void EndRevoked()
    {
        IsRevoked = true;
        End();
    }

    public void End()
    {
        lock (_gate)
        {
            _state = State.Ended;
        }

        signal.Set();
    }

    /// <summary>The hub has a position, and the log can be reached.</summary>
    public void OnHubReady()
    {
        lock (_gate)
        {
            if (_state != State.Waiting || hub.Ring.Head is not { } head || hub.IsLogUnreachable)
            {
                return;
            }

            OpenAt(head);
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
}
