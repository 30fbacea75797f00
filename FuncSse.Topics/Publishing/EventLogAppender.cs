namespace FuncSse.Topics;

/// <summary>Brings a batch of events into the log, and tries again while the log cannot be reached. One batch is under way at a time.</summary>
/// <param name="log">The log.</param>
/// <param name="metrics">What is counted.</param>
/// <param name="time">The clock.</param>
/// <param name="findLeft">How long an event may still wait that was published at a time.</param>
#pragma warning disable CA1001 // The timer of the last source does not run.
internal sealed class EventLogAppender(IEventLog log, TopicMetrics metrics, TimeProvider time, Func<long, TimeSpan> findLeft)
#pragma warning restore CA1001
{
    // An attempt without an answer ends after this time. A half-open connection must not use up the time that the publisher waits.
    private static readonly TimeSpan s_attemptTimeout = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan s_firstPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(1);

    private CancellationTokenSource _attempt = new(Timeout.InfiniteTimeSpan, time);
    private long _number;

    /// <summary>Appends the batch and completes its events.</summary>
    /// <param name="batch">
    /// The events: one at least. Those that are completed before they are in the log, because nobody waits for them any more, are taken out.
    /// </param>
    /// <exception cref="OperationCanceledException">There is no more time.</exception>
    public async Task AppendAsync(List<PendingEvent> batch)
    {
        foreach (PendingEvent pending in batch)
        {
            pending.SetNumber(++_number);
        }

        long enqueued = batch[^1].Enqueued; // It may wait longest. Those before it time out by themselves.
        for (TimeSpan pause = s_firstPause; ; pause = pause * 2 < s_longestPause ? pause * 2 : s_longestPause)
        {
            TimeSpan left = findLeft(enqueued);
            if (left <= TimeSpan.Zero)
            {
                throw new OperationCanceledException();
            }

            try
            {
                IReadOnlyList<LogPosition> ends = await TryAsync(batch, left < s_attemptTimeout ? left : s_attemptTimeout);
                metrics.Appended();
                Complete(batch, ends);
                return;
            }
            catch (Exception exception) when (exception is EventLogUnavailableException or OperationCanceledException)
            {
                metrics.NotAppended(exception);
            }

            left = findLeft(enqueued);
            await Task.Delay(pause < left ? pause : left, time);

            // A publisher that was told of an error may publish the event again, so this copy must not come into the log as well.
            batch.RemoveAll(pending => pending.Task.IsCompleted);
            if (batch.Count == 0)
            {
                return;
            }
        }
    }

    private async ValueTask<IReadOnlyList<LogPosition>> TryAsync(List<PendingEvent> batch, TimeSpan limit)
    {
        var records = new NumberedRecord[batch.Count];
        for (int index = 0; index < records.Length; index++)
        {
            records[index] = batch[index].Record;
        }

        Task<IReadOnlyList<LogPosition>> appending = log.AppendAsync(records, _attempt.Token);
        if (appending.IsCompleted)
        {
            return await appending; // A log in memory needs no timer.
        }

        _attempt.CancelAfter(limit);
        try
        {
            return await appending;
        }
        finally
        {
            _attempt.Dispose();
            _attempt = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        }
    }

    private static void Complete(List<PendingEvent> batch, IReadOnlyList<LogPosition> ends)
    {
        for (int index = 0; index < batch.Count; index++)
        {
            batch[index].TrySetResult(ends[index]);
        }
    }
}
