namespace FuncSse.Topics;

// The state transitions of a subscription: the opening, the ring, and pages of the log. All of them happen under the subscription's lock.
internal sealed partial class TopicSubscription
{
    private static readonly TimeSpan s_firstRetryDelay = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_longestRetryDelay = TimeSpan.FromSeconds(1);

    // The page is kept by the page reader. A subscription that waits for its client must not hold one: thousands may wait.
    private WeakReference<EventPage>? _page;
    private int _pageIndex;

    private void OpenAt(RingHead head)
    {
        if (lastEventId is null)
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
            _control = TopicFrame.Position(position);
            _position = position;
        }
    }

    private void Reset(PositionState reason)
    {
        if (hub.Ring.Head is not { } head)
        {
            _state = State.Ended; // The hub is about to end it.
            return;
        }

        hub.Metrics.Reset(reason);
        _control = TopicFrame.Reset(reason, head.Position);
        _position = head.Position;
        (_state, _last, _next) = (State.Live, head.Sequence, 0);
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

    // Not on this thread, which may be the hub's reader and has the lock.
    private void Load(LogPosition? from)
    {
        _state = State.Loading;
        ThreadPool.UnsafeQueueUserWorkItem(static call => _ = call.Subscription.LoadAsync(call.From), (Subscription: this, From: from), preferLocal: false);
    }

    private async Task LoadAsync(LogPosition? from)
    {
        for (TimeSpan delay = s_firstRetryDelay; !IsEnded; delay = delay * 2 < s_longestRetryDelay ? delay * 2 : s_longestRetryDelay)
        {
            try
            {
                LogPosition position = _position ?? from ?? await hub.Pages.FindEarliestAsync();
                if (OnPageLoaded(position, await hub.Pages.ReadAsync(position)))
                {
                    signal.Set();
                    return;
                }
            }
            catch (Exception exception)
            {
                // An outage of the whole log is the hub's reader's to tell.
                if (delay == s_longestRetryDelay && !IsEnded && !hub.IsLogUnreachable)
                {
                    hub.Metrics.ReadingFailed(exception);
                }
            }

            await Task.Delay(delay, hub.Time);
        }
    }

    // Returns false if the page has to be read again.
    private bool OnPageLoaded(LogPosition from, EventPage page)
    {
        lock (_gate)
        {
            if (_state != State.Loading)
            {
                return true;
            }

            if (page.State != PositionState.Known)
            {
                if (_position is null && lastEventId == Earliest)
                {
                    return false; // The earliest event was deleted after its position was read. The client loses nothing.
                }

                Reset(page.State);
                return true;
            }

            Open(from);
            if (page.IsEmpty)
            {
                return TryResumeInRing();
            }

            _page = new WeakReference<EventPage>(page);
            (_state, _pageIndex) = (State.Paging, page.FirstAfter(from));
            return true;
        }
    }

    private TopicEvent? TryReadPage()
    {
        if (!_page!.TryGetTarget(out EventPage? page))
        {
            Load(_position);
            return null;
        }

        while (_pageIndex < page.Events.Count)
        {
            TopicEvent next = page.Events[_pageIndex++];
            if (topics.Covers(next.Topic))
            {
                _position = next.Position;
                return next;
            }
        }

        (_position, _page) = (page.End, null);
        Resume();
        return null;
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
