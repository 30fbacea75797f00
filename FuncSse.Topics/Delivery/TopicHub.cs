using FuncSse.Streaming;

namespace FuncSse.Topics;

/// <summary>
/// Delivers events to the subscribers of the process. While there are subscribers, it follows the log with one reader, keeps the newest events
/// in a ring, and wakes the subscribers of each event.
/// </summary>
internal sealed class TopicHub(IEventLog log, TopicOptions options, TopicMetrics metrics, TimeProvider time) : IAsyncDisposable
{
    private static readonly TimeSpan s_retryDelay = TimeSpan.FromMilliseconds(500);

    private readonly Lock _gate = new();
    private readonly TopicIndex _index = new();
    private readonly HashSet<TopicSubscription> _subscriptions = [];
    private readonly List<TopicSubscription> _due = [];
    private readonly List<TopicSubscription> _woken = [];
    private CancellationTokenSource? _following;
    private Task _follow = Task.CompletedTask;
    private LogPosition? _offeredUpTo;
    private bool _isLogUnreachable;
    private bool _stopped;

    /// <summary>The newest events.</summary>
    public TopicRing Ring { get; } = new(options.RingSize);

    /// <summary>Reads missed events from the log.</summary>
    public PageReader Pages { get; } = new(log, metrics, options.RingSize / 2);

    public TopicMetrics Metrics => metrics;

    public TimeProvider Time => time;

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
                // The reader must not run as the user or in the activity of the first subscriber.
                using (ExecutionContext.SuppressFlow())
                {
                    _follow = Task.Run(() => FollowAsync(previous, token), CancellationToken.None);
                }
            }
        }

        subscription.OnHubReady();
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
        lock (_gate)
        {
            if (_stopped)
            {
                return;
            }

            _stopped = true;
        }

        EndSubscriptions(CancellationToken.None);
        await _follow;
        await Pages.DisposeAsync();
    }

    private void StopFollowing()
    {
        // Continuations must not run here, under the lock.
        _ = _following?.CancelAsync();
        _following = null;
        Ring.End();
    }

    private async Task FollowAsync(Task previous, CancellationToken cancellationToken)
    {
        await previous;
        Pages.Clear();
        LogPosition? position = null;
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                position ??= Begin(await log.GetEndAsync(cancellationToken), cancellationToken);
                EventPage page = await EventPage.ReadAsync(log, position, metrics, cancellationToken);
                metrics.Reachable();
                OnLogReachable();
                if (page.State != PositionState.Known)
                {
                    OnPositionLost(page.State, cancellationToken);
                    return;
                }

                Deliver(page, cancellationToken);
                position = page.End;
                if (page.IsEmpty || !page.HasMore)
                {
                    await log.WaitAsync(position, cancellationToken);
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

    private LogPosition Begin(LogPosition end, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Ring.Begin(end);
            _offeredUpTo = end;
        }

        _due.Clear();
        _woken.Clear();
        OpenSubscriptions();
        return end;
    }

    // Subscriptions that came while the log could not be reached wait for its first answer.
    private void OnLogReachable()
    {
        if (IsLogUnreachable)
        {
            Volatile.Write(ref _isLogUnreachable, false);
            OpenSubscriptions();
        }
    }

    private void OpenSubscriptions()
    {
        TopicSubscription[] subscriptions;
        lock (_gate)
        {
            subscriptions = [.. _subscriptions];
        }

        Array.ForEach(subscriptions, subscription => subscription.OnHubReady());
    }

    // The log was made anew, has lost its newest events, or no longer has what follows. Each client comes back with its own position, which
    // decides whether it resumes or is told of a loss.
    private void OnPositionLost(PositionState state, CancellationToken cancellationToken)
    {
        metrics.HubPositionLost(state);
        EndSubscriptions(cancellationToken);
    }

    private void EndSubscriptions(CancellationToken cancellationToken)
    {
        TopicSubscription[] subscriptions;
        lock (_gate)
        {
            cancellationToken.ThrowIfCancellationRequested();
            subscriptions = [.. _subscriptions];
            _subscriptions.Clear();
            _index.Clear();
            StopFollowing();
        }

        Array.ForEach(subscriptions, subscription => subscription.End());
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
            }

            if (_due.Count > 0 && next.TryEncode(metrics))
            {
                metrics.Read(next.Published);
                Offer(next, isLast: i == page.Events.Count - 1);
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
            Ring.MoveTo(page.End);
            _offeredUpTo = page.End;
        }
    }

    private void Offer(TopicEvent next, bool isLast)
    {
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
    }
}
