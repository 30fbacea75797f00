using FuncSse.Streaming;

namespace FuncSse.Topics;

/// <summary>
/// One a process. While it has subscribers it follows the log with one reader, encodes each event once, keeps the newest in a ring, and
/// wakes those whose topics have news.
/// </summary>
internal sealed class TopicHub(IEventLog log, TopicOptions options, TopicMetrics metrics, TimeProvider time) : IAsyncDisposable
{
    private const int PageSize = 256 * 1024;

    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(500);

    private readonly Lock _gate = new();
    private readonly TopicIndex _index = new();
    private readonly HashSet<TopicSubscription> _subscriptions = [];
    private readonly List<TopicSubscription> _due = [];
    private readonly List<TopicSubscription> _woken = [];
    private CancellationTokenSource? _following;
    private Task _follow = Task.CompletedTask;
    private HubHead? _head;
    private LogPosition? _offered;
    private bool _isAway;
    private bool _stopped;

    /// <summary>The newest events.</summary>
    public TopicRing Ring { get; } = new(options.RingSize);

    /// <summary>What missed events are read with.</summary>
    public CatchUp CatchUp { get; } = new(log, metrics, time, options.RingSize / 2);

    public TopicMetrics Metrics => metrics;

    /// <summary>How far the reader has come; <see langword="null"/> while the log has not answered.</summary>
    public HubHead? Head => Volatile.Read(ref _head);

    /// <summary>Whether the log does not answer: what "now" is, nobody knows.</summary>
    public bool IsAway => Volatile.Read(ref _isAway);

    /// <summary>Each event up to here is known to those that it concerns.</summary>
    public LogPosition? Offered => Volatile.Read(ref _offered);

    /// <summary>Subscribes to topics.</summary>
    /// <param name="topics">Names and patterns, one at least.</param>
    /// <param name="lastEventId">What the client saw last: any text at all, <c>earliest</c>, or <see langword="null"/> for now.</param>
    /// <param name="signal">Set when there may be a frame, or the end.</param>
    /// <param name="sendNow">
    /// Called by the hub's reader in place of the signal while the consumer waits, which it does until the call is over. It must not block, and
    /// tells whether the consumer may go on waiting.
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

        subscription.Begin(null);
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
        // What waits for it must not go on here, under the lock.
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
                Returned();
                loss = null;
                if (page.State != PositionState.Known)
                {
                    (reader, loss) = (null, page.State);
                    Forget(cancellationToken);
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

            Volatile.Write(ref _isAway, true);
            await Task.Delay(s_pause, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    // Those who came while the log was away wait for its first answer.
    private void Returned()
    {
        if (IsAway)
        {
            Volatile.Write(ref _isAway, false);
            TopicSubscription[] subscriptions;
            lock (_gate)
            {
                subscriptions = [.. _subscriptions];
            }

            Array.ForEach(subscriptions, subscription => subscription.Begin(null));
        }
    }

    // The log is not the one that it was: until there is a new position, those who come wait for it.
    private void Forget(CancellationToken cancellationToken)
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
            _head = new HubHead(Ring.Newest, end);
            _offered = end;
            subscriptions = [.. _subscriptions];
        }

        foreach (TopicSubscription subscription in subscriptions)
        {
            subscription.Begin(loss);
        }

        return new EventLogReader(log, end, metrics, follows: true);
    }

    // All of a page is offered before anyone is woken, so that a burst is one flush to each and not one an event. Whoever has nothing but the
    // last event is woken with it, while what it needs is still in the processor's cache.
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
                _head = new HubHead(next.Sequence, next.Position);
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
            _head = new HubHead(Ring.Newest, page.End);
            _offered = page.End;
        }
    }
}
