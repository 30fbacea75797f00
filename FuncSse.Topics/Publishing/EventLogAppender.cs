namespace FuncSse.Topics;

/// <summary>Brings a batch of events into the log: tries again while the log cannot be reached, and finds out where the first copy landed.</summary>
internal sealed class EventLogAppender(IEventLog log, string writer, TopicMetrics metrics, TimeProvider time)
{
    private const int ReadSize = 1 << 20;

    // Longer than an answer ever takes that still comes; a half-open connection must not use up the publisher's patience.
    private static readonly TimeSpan s_attemptLimit = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan s_firstPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(1);

    // How old the knowledge of the log's end may be that goes into a record: a reader may have to look back so far.
    private static readonly TimeSpan s_freshness = TimeSpan.FromSeconds(1);

    private LogPosition? _end;
    private long _endAsOf;
    private long _number;

    /// <summary>Appends the batch and completes its events.</summary>
    /// <param name="batch">The events: one at least. Those that are done before they are in the log, since nobody waits any more, are taken out.</param>
    /// <param name="cancellationToken">Cancelled when there is no more time.</param>
    public async Task AppendAsync(List<PendingEvent> batch, CancellationToken cancellationToken)
    {
        foreach (PendingEvent pending in batch)
        {
            pending.Number = ++_number;
        }

        TimeSpan pause = s_firstPause;
        LogPosition? after = null;
        byte[][] records = [];
        for (bool repeated = false; ; repeated = true)
        {
            try
            {
                after ??= await FindEndAsync(cancellationToken);
                if (records.Length == 0)
                {
                    records = [.. batch.Select(pending => Encode(pending, after))];
                }

                IReadOnlyList<LogPosition>? ends = await TryAsync(after, records, cancellationToken);
                if (ends is null)
                {
                    // Another log by now. Nothing of this batch is in it, so what the records say of the end is found anew.
                    (_end, after, records) = (null, null, []);
                    continue;
                }

                (_end, _endAsOf) = (ends[^1], time.GetTimestamp());
                metrics.Appended();
                Complete(batch, repeated ? await FindFirstAsync(after, ends, batch, cancellationToken) : ends);
                return;
            }
            catch (EventLogUnavailableException exception) when (!cancellationToken.IsCancellationRequested)
            {
                metrics.NotAppended(exception);
            }
            catch (OperationCanceledException exception) when (!cancellationToken.IsCancellationRequested)
            {
                metrics.NotAppended(exception);
            }

            await Task.Delay(pause, time, cancellationToken);
            pause = pause * 2 < s_longestPause ? pause * 2 : s_longestPause;

            // A publisher that was told of an error may publish the event again: it must not come into the log as well.
            if (batch.RemoveAll(pending => pending.Task.IsCompleted) > 0)
            {
                records = [];
            }

            if (batch.Count == 0)
            {
                return;
            }
        }
    }

    private async Task<LogPosition> FindEndAsync(CancellationToken cancellationToken)
    {
        if (_end is null || time.GetElapsedTime(_endAsOf) > s_freshness)
        {
            long asOf = time.GetTimestamp();
            using var limit = new CancellationTokenSource(s_attemptLimit, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
            (_end, _endAsOf) = (await log.GetEndAsync(either.Token), asOf);
        }

        return _end;
    }

    private async Task<IReadOnlyList<LogPosition>?> TryAsync(LogPosition after, byte[][] records, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(s_attemptLimit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        return await log.AppendAsync(after.Epoch, [.. records.Select(record => new ReadOnlyMemory<byte>(record))], either.Token);
    }

    private byte[] Encode(PendingEvent pending, LogPosition after) =>
        new EventRecord(writer, pending.Number, after.Segment, after.Offset, pending.Topic, pending.Type, pending.Published, pending.Data)
            .Encode();

    // An earlier attempt may have landed although it had no answer. Its copy is the one that counts, and it lies between what was the end
    // before the first attempt and the copy that was acknowledged.
    private async Task<IReadOnlyList<LogPosition>> FindFirstAsync(
        LogPosition after, IReadOnlyList<LogPosition> acknowledged, List<PendingEvent> batch, CancellationToken cancellationToken)
    {
        var first = new LogPosition?[batch.Count];
        int found = 0;
        for (LogPosition position = after; found < first.Length && acknowledged[^1].IsAfter(position);)
        {
            LogPage page = await log.ReadAsync(position, ReadSize, cancellationToken);
            if (page.State != PositionState.Known || page.Next == position)
            {
                throw new EventLogUnavailableException("The event log no longer has what was just appended.");
            }

            foreach (LogRecord line in page.Records)
            {
                if (EventRecord.Decode(line.Line.Span, out EventRecord? record) == RecordKind.Event
                    && record!.Writer == writer && batch.FindIndex(pending => pending.Number == record.Number) is >= 0 and int index)
                {
                    found += first[index] is null ? 1 : 0;
                    first[index] ??= line.End;
                }
            }

            position = page.Next;
        }

        return [.. first.Select((position, index) => position ?? acknowledged[index])];
    }

    private static void Complete(List<PendingEvent> batch, IReadOnlyList<LogPosition> ends)
    {
        for (int index = 0; index < batch.Count; index++)
        {
            batch[index].TrySetResult(ends[index]);
        }
    }
}
