namespace FuncSse.Topics;

// A subscription catches up with pages of the log, which it shares with others.
internal sealed partial class TopicSubscription
{
    private static readonly TimeSpan s_firstRetryDelay = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_longestRetryDelay = TimeSpan.FromSeconds(1);

    // The page is kept by the page reader. A subscription that waits for its client must not hold one: thousands may wait.
    private WeakReference<EventPage>? _page;
    private int _pageIndex;

    // The size doubles at the end of each page, and begins anew with each event: where a subscription finds nothing, a few large reads take less time than
    // many small ones.
    private int _pageSize = EventPage.TargetSize;

    // The page is loaded on another thread: this one may be the hub's reader, and it has the lock.
    private void Load(LogPosition? from)
    {
        _state = State.Loading;
        ThreadPool.UnsafeQueueUserWorkItem(static call => _ = call.Subscription.LoadAsync(call.From), (Subscription: this, From: from), preferLocal: false);
    }

    private Task LoadAsync(LogPosition? from) => RetryAsync(async () =>
    {
        LogPosition position = _position ?? from ?? await hub.Pages.FindEarliestAsync();
        return OnPageLoaded(position, await hub.Pages.ReadAsync(position, _pageSize));
    });

    // Tries until it is done, and wakes the consumer.
    private async Task RetryAsync(Func<Task<bool>> tryAsync)
    {
        for (TimeSpan delay = s_firstRetryDelay; !IsEnded; delay = delay * 2 < s_longestRetryDelay ? delay * 2 : s_longestRetryDelay)
        {
            try
            {
                if (await tryAsync())
                {
                    signal.Set();
                    return;
                }
            }
            catch (Exception exception)
            {
                // The hub's reader logs an outage of the whole log.
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

        while (_pageIndex < page.Records.Count)
        {
            int index = _pageIndex++;
            if (page.Topics[index] is { } topic && topics.Covers(topic))
            {
                TopicEvent next = page.EventAt(index);
                (_position, _pageSize) = (next.Position, EventPage.TargetSize / 2);
                return next;
            }
        }

        (_position, _page, _pageSize) = (page.End, null, Math.Min(2 * _pageSize, EventPage.MaxSize));
        Resume();
        return null;
    }
}
