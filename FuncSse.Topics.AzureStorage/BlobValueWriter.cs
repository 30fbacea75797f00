namespace FuncSse.Topics.AzureStorage;

/// <summary>
/// Writes retained values: each write replaces what the writer has seen in the blob, and only if that is older. A process that sees a record in the log
/// whose blob does not follow writes the blob itself, because the publisher may have crashed.
/// </summary>
internal sealed class BlobValueWriter
{
    // More than any race needs: each failed try means that another instance has written a value.
    private const int MaxTries = 100;
    private const int MaxWrites = 16;
    private const int MaxSingleReads = 16;

    // This is longer than a publisher tries.
    private static readonly TimeSpan s_repairAge = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan s_shortestPause = TimeSpan.FromSeconds(1);

    private readonly BlobLogContainer _container;
    private readonly BlobLogReader _reader;
    private readonly BlobValueStore _store;
    private readonly BlobValueCache _cache;
    private readonly BlobValueList _list;
    private readonly ITimer _repair;
    private int _isRepairSet;

    public BlobValueWriter(
        BlobLogContainer container, BlobLogReader reader, BlobValueStore store, BlobValueCache cache, BlobValueList list, TimeProvider time)
    {
        (_container, _reader, _store, _cache, _list) = (container, reader, store, cache, list);
        _repair = time.CreateTimer(_ => Task.Run(RepairAsync), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        cache.Noted = () => SetRepair(s_repairAge);
    }

    /// <summary>Writes the values among records that are in the log. What the blobs have already is not written again.</summary>
    public async Task StoreAsync(IReadOnlyList<NumberedRecord> records, IReadOnlyList<LogPosition> ends, CancellationToken cancellationToken)
    {
        Dictionary<string, SeenValue>? newest = null;
        for (int index = 0; index < records.Count; index++)
        {
            if (records[index].RetainedTopic is { } topic)
            {
                var value = new SeenValue(records[index].Clears ? default : records[index].Line, ends[index]);
                (newest ??= new(StringComparer.Ordinal))[topic] = value;
            }
        }

        if (newest is null)
        {
            return;
        }

        foreach ((string topic, SeenValue value) in newest)
        {
            _cache.Note(topic, value.Line, value.End); // So it is repaired if the publisher gives up.
        }

        await ForEachAsync(newest, (one, token) => StoreAsync(one.Key, one.Value, _cache.FindBlob(one.Key), token), cancellationToken);
    }

    private async ValueTask StoreAsync(string topic, SeenValue value, BlobValue? known, CancellationToken cancellationToken)
    {
        for (int tries = 0; tries < MaxTries; tries++)
        {
            if (known is not null && await IsReplacedAsync(value.End, known, cancellationToken))
            {
                _cache.SetBlob(topic, known, isChecked: true);
                return;
            }

            if (await _store.TryPutAsync(topic, value.Line, value.End, known, cancellationToken) is { } written)
            {
                _list.OnWritten(topic, written, known);
                _cache.SetBlob(topic, written, isChecked: true);
                return;
            }

            known = await _store.GetAsync(topic, null, cancellationToken);
        }

        throw new EventLogUnavailableException($"The value of {topic} keeps changing.");
    }

    // Whether the blob has this record or a later one. What the log has lost is older, and so is another epoch, unless the log is of that one by now.
    private async Task<bool> IsReplacedAsync(LogPosition end, BlobValue blob, CancellationToken cancellationToken)
    {
        if (blob.End is not { } other || other == end)
        {
            return blob.End is not null;
        }

        return other.Epoch == end.Epoch
            ? !end.IsAfter(other) && !await _reader.IsLostAsync(other, cancellationToken)
            : other.Epoch == await _container.FindEpochAsync(cancellationToken);
    }

    private void SetRepair(TimeSpan pause)
    {
        if (Interlocked.Exchange(ref _isRepairSet, 1) == 0)
        {
            _repair.Change(pause, Timeout.InfiniteTimeSpan);
        }
    }

    private async Task RepairAsync()
    {
        Volatile.Write(ref _isRepairSet, 0);
        IReadOnlyList<(string Topic, SeenValue Seen)> due = _cache.TakeDue(s_repairAge, out TimeSpan? next);
        if (next is { } pause)
        {
            SetRepair(pause > s_shortestPause ? pause : s_shortestPause);
        }

        try
        {
            if (due.Count > MaxSingleReads)
            {
                due = await SettleAsync(due);
            }

            await ForEachAsync(due, (one, token) => RepairAsync(one.Topic, one.Seen, token), CancellationToken.None);
        }
        catch (Exception exception) when (exception is EventLogUnavailableException || StorageErrors.IsOutage(exception, CancellationToken.None))
        {
            // They are due again.
        }
    }

    // One list replaces many reads.
    private async Task<IReadOnlyList<(string Topic, SeenValue Seen)>> SettleAsync(IReadOnlyList<(string Topic, SeenValue Seen)> due)
    {
        Dictionary<string, ListedValue> listed = (await _list.ReadAsync("", CancellationToken.None)).ToDictionary(value => value.Topic, StringComparer.Ordinal);
        var open = new List<(string, SeenValue)>();
        foreach ((string topic, SeenValue seen) in due)
        {
            if (listed.GetValueOrDefault(topic) is { } value && value.End == seen.End)
            {
                _cache.SetBlob(topic, new BlobValue(value.ETag, value.End, seen.Line, value.IsClear));
            }
            else
            {
                open.Add((topic, seen));
            }
        }

        return open;
    }

    private async ValueTask RepairAsync(string topic, SeenValue seen, CancellationToken cancellationToken)
    {
        BlobValue? blob = await _store.GetAsync(topic, null, cancellationToken);
        if (blob?.End != seen.End && !(blob is null && seen.Line.IsEmpty) && !await _reader.IsLostAsync(seen.End, cancellationToken))
        {
            await StoreAsync(topic, seen, blob, cancellationToken);
            return;
        }

        _cache.SetBlob(topic, blob);
        _cache.Drop(topic, seen);
    }

    private static Task ForEachAsync<T>(IEnumerable<T> items, Func<T, CancellationToken, ValueTask> body, CancellationToken cancellationToken) =>
        Parallel.ForEachAsync(items, new ParallelOptions { MaxDegreeOfParallelism = MaxWrites, CancellationToken = cancellationToken }, body);
}
