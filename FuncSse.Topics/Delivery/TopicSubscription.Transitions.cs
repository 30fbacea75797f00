namespace FuncSse.Topics;

// The state transitions of a subscription: the opening, a loss, and the ring. All of them happen under the subscription's lock.
internal sealed partial class TopicSubscription
{
    private void OpenAt(RingHead head)
    {
        if (lastEventId is null)
        {
            OpenNow(head);
        }
        else if (lastEventId == Earliest)
        {
            Load(null);
        }
        else if (!LogPosition.TryParse(lastEventId, out LogPosition? last) || last.Epoch != head.Position.Epoch)
        {
            Reset(PositionState.Unknown);
        }
        else if (last == head.Position || hub.Ring.HasBoundaryAt(last, head))
        {
            Open(last);
            Resume();
        }
        else
        {
            Load(last);
        }
    }

    private void Open(LogPosition position)
    {
        if (_position is null)
        {
            (_opening, _position) = (position, position);
        }
    }

    private void Reset(PositionState reason)
    {
        if (hub.Ring.Head is not { } head)
        {
            _state = State.Ended; // The hub is about to end it.
            return;
        }

        _lossReason = PositionStates.Name(reason);
        hub.Metrics.Reset(_lossReason);
        OpenNow(head);
    }

    private void Resume()
    {
        if (!TryResumeInRing())
        {
            Load(_position);
        }
    }

    // Continues in the ring if it has all events after the position.
    private bool TryResumeInRing()
    {
        if (hub.Ring.Head is { } head
            && hub.Ring.TryFindAfter(_position!, head, out long sequence)
            && TryFind(sequence, head.Sequence, out long next))
        {
            (_state, _last, _next) = (State.Live, head.Sequence, next);
            return true;
        }

        return false;
    }

    private TopicEvent? TryReadRing()
    {
        if (!hub.Ring.TryGet(_next, out TopicEvent? next))
        {
            Resume(); // The subscriber was too slow, and the event is no longer in the ring.
            return null;
        }

        _position = next.Position;
        // Usually the next event of the topic is known. Otherwise the events in between are searched.
        long hint = topics.IsSingleName ? next.NextOfTopic : 0;
        if (_next == _last)
        {
            _next = 0;
        }
        else if (hint != 0)
        {
            _next = hint;
        }
        else if (TryFind(_next + 1, _last, out long found))
        {
            _next = found;
        }
        else
        {
            _next++; // An event was dropped in the meantime. The next call finds that out.
        }

        return next;
    }

    private bool TryFind(long from, long to, out long found)
    {
        for (found = from; found <= to; found++)
        {
            if (!hub.Ring.TryGet(found, out TopicEvent? candidate))
            {
                return false;
            }

            if (topics.Covers(candidate.Topic))
            {
                return true;
            }
        }

        found = 0;
        return true;
    }
}
