namespace FuncSse.Topics;

// The hub's reader: it follows the log and offers each event to its subscribers.
internal sealed partial class TopicHub
{
    private static readonly TimeSpan s_retryDelay = TimeSpan.FromMilliseconds(500);

    // Only the reader uses them. They are fields so that delivery allocates nothing.
    private readonly List<TopicSubscription> _due = [];
    private readonly List<TopicSubscription> _woken = [];

    private async Task FollowAsync(Task previous, CancellationToken cancellationToken)
    {
        await previous;
        Pages.Clear();
        LogPosition? position = null;
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                position ??= await BeginAsync(await _log.GetEndAsync(cancellationToken), cancellationToken);
                EventPage page = await EventPage.ReadAsync(_log, position, EventPage.TargetSize, Metrics, cancellationToken);
                Metrics.Reachable();
                if (page.State != PositionState.Known)
                {
                    OnPositionLost(page.State, cancellationToken);
                    return;
                }

                OnLogReachable();
                Deliver(page, cancellationToken);
                position = page.End;
                if (page.IsEmpty || !page.HasMore)
                {
                    await _log.WaitAsync(position, cancellationToken);
                }

                continue;
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (EventLogUnavailableException exception)
            {
                Metrics.Unreachable(exception);
            }
            catch (Exception exception)
            {
                Metrics.ReadingFailed(exception);
            }

            Volatile.Write(ref _isLogUnreachable, true);
            await Task.Delay(s_retryDelay, Time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<LogPosition> BeginAsync(LogPosition end, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            cancellationToken.ThrowIfCancellationRequested();
            _revocations.OnFollowing(true);
        }

        if (_revocations.AreNeeded)
        {
            // Streams may have been let in before revocations that stand before this position.
            await _revocations.ReadAsync();
            Array.ForEach(CopySubscriptions(), subscription => subscription.EndIfRevoked(_revocations));
        }

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
        Array.ForEach(CopySubscriptions(), subscription => subscription.OnHubReady());
    }

    // The log was created again, has lost its newest events, or no longer has what follows. Each client comes back with its own position, which
    // decides whether it resumes or is told of a loss.
    private void OnPositionLost(PositionState state, CancellationToken cancellationToken)
    {
        Metrics.HubPositionLost(state);
        EndSubscriptions(cancellationToken);
    }

    // All events of a page are offered before subscribers are woken, so that each subscriber flushes a burst once. Subscribers that have only
    // the last event are woken as it is offered, while its data is in the processor's cache.
    private void Deliver(EventPage page, CancellationToken cancellationToken)
    {
        int last = page.Records.Count - 1;
        while (last >= 0 && page.Topics[last] is null)
        {
            last--;
        }

        for (int index = 0; index <= last; index++)
        {
            if (page.Topics[index] is null)
            {
                continue;
            }

            TopicEvent next = page.EventAt(index);
            lock (_gate)
            {
                cancellationToken.ThrowIfCancellationRequested();
                Ring.Add(next);
                _index.Find(next, Ring, _due);
            }

            // Without data, it is one that no ticket needs any more.
            if (Revocations.IsTopic(next.Topic) && next.TryEncode(Metrics) && !next.ToRecord().Data.IsEmpty)
            {
                _revocations.Add(next.Topic, next.Published);
            }

            if (_due.Count > 0 && next.TryEncode(Metrics))
            {
                Metrics.Read(next.Published);
                Offer(next, isLast: index == last);
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
