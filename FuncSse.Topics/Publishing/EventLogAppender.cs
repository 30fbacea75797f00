namespace FuncSse.Topics;

/// <summary>Brings a batch of events into the log, and tries again while the log cannot be reached.</summary>
internal sealed class EventLogAppender(IEventLog log, TopicMetrics metrics, TimeProvider time)
{
    // An attempt without an answer ends after this time. A half-open connection must not use up the time that the publisher waits.
    private static readonly TimeSpan s_attemptTimeout = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan s_firstPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(1);

    private long _number;

    /// <summary>Appends the batch and completes its events.</summary>
    /// <param name="batch">
    /// The events: one at least. Those that are completed before they are in the log, because nobody waits for them any more, are taken out.
    /// </param>
    /// <param name="cancellationToken">Cancelled when there is no more time.</param>
    public async Task AppendAsync(List<PendingEvent> batch, CancellationToken cancellationToken)
    {
        foreach (PendingEvent pending in batch)
        {
            pending.Record = pending.Retain
                ? new NumberedRecord(++_number, Encode(pending), pending.Topic, Clears: pending.Data.IsEmpty)
                : new NumberedRecord(++_number, Encode(pending));
        }

        for (TimeSpan pause = s_firstPause; ; pause = pause * 2 < s_longestPause ? pause * 2 : s_longestPause)
        {
            try
            {
                IReadOnlyList<LogPosition> ends = await TryAsync(batch, cancellationToken);
                metrics.Appended();
                Complete(batch, ends);
                return;
            }
            catch (Exception exception)
                when (exception is EventLogUnavailableException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
            {
                metrics.NotAppended(exception);
            }

            await Task.Delay(pause, time, cancellationToken);

            // A publisher that was told of an error may publish the event again, so this copy must not come into the log as well.
            batch.RemoveAll(pending => pending.Task.IsCompleted);
            if (batch.Count == 0)
            {
                return;
            }
        }
    }

    private async Task<IReadOnlyList<LogPosition>> TryAsync(List<PendingEvent> batch, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(s_attemptTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        return await log.AppendAsync([.. batch.Select(pending => pending.Record)], either.Token);
    }

    private static byte[] Encode(PendingEvent pending) =>
        new EventRecord(pending.Topic, pending.Type, pending.Published, pending.Data, pending.Retain).Encode();

    private static void Complete(List<PendingEvent> batch, IReadOnlyList<LogPosition> ends)
    {
        for (int index = 0; index < batch.Count; index++)
        {
            batch[index].TrySetResult(ends[index]);
        }
    }
}
