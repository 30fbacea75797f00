namespace FuncSse.Topics.AzureStorage;

/// <summary>
/// Lists the blobs of retained values, counts them, and deletes the empty ones of topics that were cleared long ago, and all that are older than values are
/// kept.
/// </summary>
internal sealed class BlobValueList(BlobValueStore store, BlobValueCache cache, TimeSpan? lifetime, TimeProvider time)
{
    private const int MaxDeletes = 500;

    // The emptied blobs must outlive each write of an older value: publishers give up after some seconds, and repairs come within a minute.
    private static readonly TimeSpan s_clearedLifetime = TimeSpan.FromHours(1);
    private static readonly TimeSpan s_keepUpInterval = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_countLifetime = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_refusalLifetime = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private int _count;
    private long? _counted;
    private Task _cleaning = Task.CompletedTask;
    private Task _keepUp = Task.CompletedTask;
    private long? _lastKeepUp;

    /// <summary>
    /// How many topics have a value. The count is some seconds old at most, apart from what this process has written, and a second where there is no room
    /// for more.
    /// </summary>
    public async Task<int> CountAsync(int max, CancellationToken cancellationToken)
    {
        if (IsCounted(s_countLifetime) && Volatile.Read(ref _count) is var count && count < max)
        {
            return count;
        }

        if (!IsCounted(s_refusalLifetime))
        {
            await ReadAsync("", cancellationToken);
        }

        return Volatile.Read(ref _count);
    }

    /// <summary>A value was written in place of another.</summary>
    public void OnWritten(string topic, BlobValue written, BlobValue? replaced)
    {
        if (topic[0] != '$')
        {
            Interlocked.Add(ref _count, (written.IsClear ? 0 : 1) - (replaced is { IsClear: false } ? 1 : 0));
        }
    }

    /// <summary>Lists the values of the topics whose names begin with a prefix, and takes what is new from the list.</summary>
    public async Task<IReadOnlyList<ListedValue>> ReadAsync(string prefix, CancellationToken cancellationToken)
    {
        long begun = time.GetTimestamp();
        IReadOnlyList<(string Topic, BlobValue Blob)> before = cache.FindBlobs(prefix);
        IReadOnlyList<ListedValue> values = await store.ListAsync(prefix, cancellationToken);
        HashSet<string> listed = values.Select(value => value.Topic).ToHashSet(StringComparer.Ordinal);
        foreach ((string topic, BlobValue blob) in before)
        {
            if (!listed.Contains(topic) && cache.FindBlob(topic)?.ETag == blob.ETag)
            {
                cache.SetBlob(topic, null);
            }
        }

        if (prefix.Length == 0)
        {
            Interlocked.Exchange(ref _count, values.Count(value => !value.IsClear && value.Topic[0] != '$'));
            lock (_gate)
            {
                _counted = begun;
            }
        }

        Clean([.. values.Where(value => value.Idle > (value.IsClear ? s_clearedLifetime : lifetime)).Take(MaxDeletes)]);
        return values;
    }

    /// <summary>Lists all values now and then, where they do not last for ever. The caller does not wait for it.</summary>
    public void KeepUp()
    {
        lock (_gate)
        {
            if (lifetime is null || !_keepUp.IsCompleted || (_lastKeepUp is { } last && time.GetElapsedTime(last) < s_keepUpInterval))
            {
                return;
            }

            _lastKeepUp = time.GetTimestamp();
            _keepUp = Task.Run(async () =>
            {
                try
                {
                    await ReadAsync("", CancellationToken.None);
                }
                catch (Exception exception) when (exception is EventLogUnavailableException || StorageErrors.IsOutage(exception, CancellationToken.None))
                {
                    // It is tried again after the same time.
                }
            });
        }
    }

    private bool IsCounted(TimeSpan lifetime)
    {
        lock (_gate)
        {
            return _counted is { } counted && time.GetElapsedTime(counted) < lifetime;
        }
    }

    private void Clean(ListedValue[] cleared)
    {
        lock (_gate)
        {
            if (cleared.Length > 0 && _cleaning.IsCompleted)
            {
                _cleaning = Task.Run(() => CleanAsync(cleared));
            }
        }
    }

    private async Task CleanAsync(ListedValue[] cleared)
    {
        try
        {
            foreach (ListedValue value in cleared)
            {
                await store.DeleteAsync(value, CancellationToken.None);
            }
        }
        catch (Exception exception) when (StorageErrors.IsOutage(exception, CancellationToken.None))
        {
            // The next list names them again.
        }
    }
}
