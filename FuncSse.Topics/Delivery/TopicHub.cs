using FuncSse.Streaming;

namespace FuncSse.Topics;

/// <summary>
/// Delivers events to the subscribers of the process. While there are subscribers, it follows the log with one reader, keeps the newest events
/// in a ring, and wakes the subscribers of each event.
/// </summary>
internal sealed partial class TopicHub : IAsyncDisposable
{
    private readonly IEventLog _log;
    private readonly Revocations _revocations;
    private readonly Lock _gate = new();
    private readonly TopicIndex _index = new();
    private readonly HashSet<TopicSubscription> _subscriptions = [];
    private CancellationTokenSource? _following;
    private Task _follow = Task.CompletedTask;
    private LogPosition? _offeredUpTo;
    private bool _isLogUnreachable;
    private volatile bool _stopped;

    public TopicHub(IEventLog log, TopicOptions options, Revocations revocations, TopicMetrics metrics, TimeProvider time)
    {
        (_log, _revocations, Metrics, Time) = (log, revocations, metrics, time);
        Ring = new TopicRing(options.RingSize);
        Pages = new PageReader(log, metrics, options.RingSize / 2);
        Values = new ValueReader(log);
        revocations.Added = EndRevoked;
    }

    /// <summary>Whether the host has stopped, so that nothing comes any more.</summary>
    public bool IsStopped => _stopped;

    /// <summary>The newest events.</summary>
    public TopicRing Ring { get; }

    /// <summary>Reads missed events from the log.</summary>
    public PageReader Pages { get; }

    /// <summary>Reads retained values from the log.</summary>
    public ValueReader Values { get; }

    public TopicMetrics Metrics { get; }

    public TimeProvider Time { get; }

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
    /// <param name="access">Who subscribes, and since when this is allowed; <see langword="null"/> for the app itself.</param>
    public TopicSubscription Subscribe(
        TopicSet topics, string? lastEventId, SseSignal signal, Func<bool>? sendNow = null, TopicAuthorizationResult? access = null)
    {
        if (access?.Subject is not null)
        {
            _revocations.Need();
        }

        var subscription = new TopicSubscription(this, topics, lastEventId, signal, sendNow, access);
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

        subscription.EndIfRevoked(_revocations); // It may have been revoked since access was checked.
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
        Values.Dispose();
    }

    // A subject's rights until a time are revoked.
    private void EndRevoked(string topic, DateTimeOffset until) =>
        Array.ForEach(CopySubscriptions(), subscription => subscription.EndIfRevoked(topic, until));

    private TopicSubscription[] CopySubscriptions()
    {
        lock (_gate)
        {
            return [.. _subscriptions];
        }
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

    private void StopFollowing()
    {
        _revocations.OnFollowing(false);
        // Continuations must not run here, under the lock.
        _ = _following?.CancelAsync();
        _following = null;
        Ring.End();
    }
}
