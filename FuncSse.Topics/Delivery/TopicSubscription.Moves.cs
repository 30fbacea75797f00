namespace FuncSse.Topics;

// How a subscription moves: to its beginning, in the ring and in pages of the log. All of it under the subscription's lock.
internal sealed partial class TopicSubscription
{
    private void BeginAt(HubHead head)
    {
        if (_loss is { } reason)
        {
            Reset(head, reason);
        }
        else if (_position is not null)
        {
            GoOn();
        }
        else if (lastEventId is null)
        {
            Open(head.Position);
            (_state, _last, _next) = (State.Live, head.Sequence, 0);
        }
        else if (lastEventId == Earliest)
        {
            Load(null);
        }
        else if (!LogPosition.TryParse(lastEventId, out LogPosition? last) || last.Epoch != head.Position.Epoch)
        {
            Reset(head, PositionState.Unknown);
        }
        else if (last == head.Position || hub.Ring.Has(last, head))
        {
            Open(last);
            GoOn();
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
            _control = TopicFrame.Position(position);
            _position = position;
        }
    }

    private void Reset(HubHead head, PositionState reason)
    {
        hub.Metrics.Reset(reason);
        _control = TopicFrame.Reset(head.Position, reason);
        (_position, _page, _loss) = (head.Position, null, null);
        (_state, _last, _next) = (State.Live, head.Sequence, 0);
    }

    // Goes on in the ring if all that follows is there, and in the log otherwise.
    private void GoOn()
    {
        if (hub.Head is not { } head)
        {
            _state = State.Waiting;
        }
        else if (head.Position.Epoch != _position!.Epoch)
        {
            Reset(head, PositionState.Unknown);
        }
        else if (hub.Ring.TryFindAfter(_position, head, out long sequence) && TryFind(sequence, head.Sequence, out long next))
        {
            (_state, _last, _next) = (State.Live, head.Sequence, next);
        }
        else
        {
            Load(_position);
        }
    }

    private void Load(LogPosition? from)
    {
        _state = State.Loading;
        hub.CatchUp.Request(this, from, isTrusted: _position is not null);
    }

    private TopicEvent? TryReadPage()
    {
        while (_index < _page!.Events.Count)
        {
            TopicEvent next = _page.Events[_index++];
            if (topics.Covers(next.Topic))
            {
                _position = next.Position;
                return next;
            }
        }

        // A page that is empty ends where it was asked for.
        _position = _page.End.IsAfter(_position!) ? _page.End : _position;
        _page = null;
        GoOn();
        return null;
    }

    private TopicEvent? TryReadRing()
    {
        if (!hub.Ring.TryGet(_next, out TopicEvent? next))
        {
            GoOn(); // Too slow: the ring has moved on.
            return null;
        }

        _position = next.Position;
        // The topic's next one is known, as a rule. Otherwise those of other topics stand between.
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
            _next++; // Gone meanwhile, which the next call finds out.
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
