using FuncSse.Streaming;

namespace FuncSse.Topics;

/// <summary>
/// Delivers events to the subscribers of the process. While there are subscribers, it follows the log with one reader, encodes each event
/// once, keeps the newest events in a ring, and wakes the subscribers of each event.
/// </summary>
internal sealed class TopicHub(IEventLog log, TopicOptions options, TopicMetrics metrics, TimeProvider time) : IAsyncDisposable
{
    private const int PageSize = 256 * 1024;

    private static readonly TimeSpan s_retryDelay = TimeSpan.FromMilliseconds(500);

    private readonly Lock _gate = new();
    private readonly TopicIndex _index = new();
    private readonly HashSet<TopicSubscription> _subscriptions = [];
    private readonly List<TopicSubscription> _due = [];
    private readonly List<TopicSubscription> _woken = [];
    private CancellationTokenSource? _following;
    private Task _follow = Task.CompletedTask;
    private RingHead? _head;
    private LogPosition? _offeredUpTo;
    private bool _isLogUnreachable;
    private bool _stopped;

    /// <summary>The newest events.</summary>
    public TopicRing Ring { get; } = new(options.RingSize);

    /// <summary>Reads missed events from the log.</summary>
    public CatchUp CatchUp { get; } = new(log, metrics, time, options.RingSize / 2);

    public TopicMetrics Metrics => metrics;

    /// <summary>How far the reader has come; <see langword="null"/> until the log has answered.</summary>
    public RingHead? Head => Volatile.Read(ref _head);

    /// <summary>Whether the log cannot be reached, so that its end is unknown.</summary>
    public bool IsLogUnreachable => Volatile.Read(ref _isLogUnreachable);

    /// <summary>All events up to here are offered to their subscribers.</summary>
    public LogPosition? OfferedUpTo => Volatile.Read(ref _offeredUpTo);

    /// <summary>Subscribes to topics.</summary>
    /// <param name="topics">At least one name or pattern.</param>
    /// <param name="lastEventId">The client's last event id: any text, <c>earliest</c>, or <see langword="null"/> for new events only.</param>
    /// <param name="signal">Set when there may be a frame, or the end.</param>
    /// <param name="sendNow">
    /// Called by the hub's reader instead of setting the signal, if the consumer waits. The consumer keeps waiting until the call returns. It
    /// must not block, and returns whether the consumer may keep waiting.
    /// </param>
    public TopicSubscription Subscribe(TopicSet topics, string? lastEventId, SseSignal signal, Func<bool>? sendNow = null)
    {
        var subscription = new TopicSubscription(this, topics, lastEventId, signal, sendNow);
        lock (_gate)
        {
            if (_stopped)
            {
                subscription.End();
                return subscription;
            }

            _subscriptions.Add(subscription);
            _index.Add(subscription);
            if (_following is null)
            {
                _following = new CancellationTokenSource();
                Task previous = _follow;
                CancellationToken token = _following.Token;
                _follow = Task.Run(() => FollowAsync(previous, token), CancellationToken.None);
            }
        }

        subscription.OnHubReady(null);
        return subscription;
    }

    public void Unsubscribe(TopicSubscription subscription)
    {
        lock (_gate)
        {
            if (_subscriptions.Remove(subscription))
            {
                _index.Remove(subscription);
                if (_subscriptions.Count == 0)
                {
                    StopFollowing();
                }
            }
        }
    }

    /// <summary>Ends all subscriptions.</summary>
    public async ValueTask DisposeAsync()
    {
        TopicSubscription[] subscriptions;
        lock (_gate)
        {
            if (_stopped)
            {
                return;
            }

            _stopped = true;
            StopFollowing();
            subscriptions = [.. _subscriptions];
        }

        foreach (TopicSubscription subscription in subscriptions)
        {
            subscription.End();
        }

        await _follow;
        await CatchUp.DisposeAsync();
    }

    private void StopFollowing()
    {
        // Continuations must not run here, under the lock.
        _ = _following?.CancelAsync();
        _following = null;
        _head = null;
    }

    private async Task FollowAsync(Task previous, CancellationToken cancellationToken)
    {
        await previous;
        EventLogReader? reader = null;
        PositionState? loss = null;
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                reader ??= Begin(await log.GetEndAsync(cancellationToken), loss, cancellationToken);
                EventPage page = await reader.ReadAsync(PageSize, cancellationToken);
                metrics.Reachable();
                OnLogReachable();
                loss = null;
                if (page.State != PositionState.Known)
                {
                    (reader, loss) = (null, page.State);
                    ClearHead(cancellationToken);
                    continue;
                }

                Deliver(page, cancellationToken);
                if (page.End == page.Start || !page.HasMore)
                {
                    await log.WaitAsync(page.End, cancellationToken);
                }

                continue;
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (EventLogUnavailableException exception)
            {
                metrics.Unreachable(exception);
            }
            catch (Exception exception)
            {
                metrics.ReadingFailed(exception);
            }

            Volatile.Write(ref _isLogUnreachable, true);
            await Task.Delay(s_retryDelay, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    // Subscriptions that came while the log could not be reached wait for its first answer.
    private void OnLogReachable()
    {
        if (IsLogUnreachable)
        {
            Volatile.Write(ref _isLogUnreachable, false);
            TopicSubscription[] subscriptions;
            lock (_gate)
            {
                subscriptions = [.. _subscriptions];
            }

            Array.ForEach(subscriptions, subscription => subscription.OnHubReady(null));
        }
    }

    // The position is lost. New subscriptions wait until there is another one.
    private void ClearHead(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            cancellationToken.ThrowIfCancellationRequested();
            _head = null;
        }
    }

    private EventLogReader Begin(LogPosition end, PositionState? loss, CancellationToken cancellationToken)
    {
        TopicSubscription[] subscriptions;
        lock (_gate)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Ring.Clear();
            _due.Clear();
            _woken.Clear();
            _head = new RingHead(Ring.Newest, end);
            _offeredUpTo = end;
            subscriptions = [.. _subscriptions];
        }

        foreach (TopicSubscription subscription in subscriptions)
        {
            subscription.OnHubReady(loss);
        }

        return new EventLogReader(log, end, metrics, follows: true);
    }

    // All events of a page are offered before subscribers are woken, so that each subscriber flushes a burst once. Subscribers that have only
    // the last event are woken as it is offered, while its data is in the processor's cache.
    private void Deliver(EventPage page, CancellationToken cancellationToken)
    {
        for (int i = 0; i < page.Events.Count; i++)
        {
            TopicEvent next = page.Events[i];
            lock (_gate)
            {
                cancellationToken.ThrowIfCancellationRequested();
                Ring.Add(next);
                _index.Find(next, Ring, _due);
                _head = new RingHead(next.Sequence, next.Position);
            }

            bool isLast = i == page.Events.Count - 1;
            foreach (TopicSubscription subscription in _due)
            {
                if (!subscription.Offer(next))
                {
                    continue;
                }

                if (isLast)
                {
                    subscription.Wake();
                }
                else
                {
                    _woken.Add(subscription);
                }
            }

            _due.Clear();
        }

        foreach (TopicSubscription subscription in _woken)
        {
            subscription.Wake();
        }

        _woken.Clear();
        lock (_gate)
        {
            cancellationToken.ThrowIfCancellationRequested();
            _head = new RingHead(Ring.Newest, page.End);
            _offeredUpTo = page.End;
        }
    }
}
