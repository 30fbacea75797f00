using System.Collections.Concurrent;

namespace FuncSse.Topics.AzureStorage;

/// <summary>
/// Reads the retained values. A blob may be older than the log: another process has appended a record and has not written the value yet. A record that
/// this process has seen in the log takes the blob's place then.
/// </summary>
internal sealed class BlobValues(BlobLogContainer container, BlobLogReader reader, BlobValueStore store, BlobValueList list, BlobValueCache cache)
{
    private const int MaxReads = 32;

    /// <summary>Reads the values of topics; <see langword="null"/> if there are more than <paramref name="max"/>.</summary>
    public async Task<IReadOnlyList<RetainedValue>?> ReadAsync(TopicSet topics, int max, CancellationToken cancellationToken)
    {
        string epoch = (await container.LocateAsync(cancellationToken)).Epoch;
        Dictionary<string, SeenValue> seen = cache.FindSeen(topics);
        var found = new ConcurrentDictionary<string, BlobValue>(StringComparer.Ordinal);
        List<string> wanted = [.. topics.Names.Where(name => !topics.Prefixes.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal)))];
        int listed = 0;
        foreach (string prefix in topics.Prefixes.Where(prefix => !topics.Prefixes.Any(other => other.Length < prefix.Length && IsWithin(prefix, other))))
        {
            foreach (ListedValue value in await list.ReadAsync(prefix, cancellationToken))
            {
                if (topics.Covers(value.Topic))
                {
                    listed += value.IsClear || seen.ContainsKey(value.Topic) ? 0 : 1;
                    if (FindKnown(value) is { } known)
                    {
                        found[value.Topic] = known;
                    }
                    else
                    {
                        wanted.Add(value.Topic);
                    }
                }
            }
        }

        if (listed > max)
        {
            return null;
        }

        await ForEachAsync(wanted, async (topic, token) =>
        {
            BlobValue? blob = await store.GetAsync(topic, cache.FindWhole(topic), token);
            cache.SetBlob(topic, blob);
            if (blob is not null)
            {
                found[topic] = blob;
            }
        }, cancellationToken);

        var values = new ConcurrentBag<RetainedValue>();
        await ForEachAsync(found.Keys.Union(seen.Keys), async (topic, token) =>
        {
            if (await ChooseAsync(topic, found.GetValueOrDefault(topic), seen.GetValueOrDefault(topic), epoch, token) is { } value)
            {
                values.Add(value);
            }
        }, cancellationToken);
        return values.Count > max ? null : [.. values];
    }

    /// <summary>How many more topics may have a value; <see cref="int.MaxValue"/> if this one has.</summary>
    public async Task<int> FindRoomAsync(string topic, int max, CancellationToken cancellationToken)
    {
        if (cache.HasValue(topic))
        {
            return int.MaxValue;
        }

        if (await store.GetAsync(topic, null, cancellationToken) is { } blob)
        {
            cache.SetBlob(topic, blob);
            if (!blob.IsClear)
            {
                return int.MaxValue;
            }
        }

        return max - await list.CountAsync(max, cancellationToken);
    }

    // The content of a listed blob, if this process has it.
    private BlobValue? FindKnown(ListedValue listed)
    {
        if (cache.FindWhole(listed.Topic) is { } known && known.ETag == listed.ETag)
        {
            return known;
        }

        SeenValue? seen = cache.FindSeen(listed.Topic);
        if (!listed.IsClear && (seen is null || seen.End != listed.End || seen.Line.IsEmpty))
        {
            return null;
        }

        var blob = new BlobValue(listed.ETag, listed.End, listed.IsClear ? default : seen!.Line, listed.IsClear);
        cache.SetBlob(listed.Topic, blob);
        return blob;
    }

    // The newer one of what the blob has and of what was seen in the log.
    private async Task<RetainedValue?> ChooseAsync(string topic, BlobValue? blob, SeenValue? seen, string epoch, CancellationToken cancellationToken)
    {
        if (seen is not null && !(BlobValueCache.IsAtLeast(blob?.End, seen.End) && await IsInLogAsync(topic, blob!, epoch, cancellationToken)))
        {
            if (seen.End.Epoch == epoch && !await reader.IsLostAsync(seen.End, cancellationToken))
            {
                return seen.Line.IsEmpty ? null : new RetainedValue(topic, seen.Line, seen.End);
            }

            cache.Drop(topic, seen);
        }

        return blob is null or { IsClear: true }
            ? null
            : new RetainedValue(topic, blob.Line, await IsInLogAsync(topic, blob, epoch, cancellationToken) ? blob.End : null);
    }

    // A position that the hub has passed stops no event, so it does not matter there whether the log has lost it.
    private async Task<bool> IsInLogAsync(string topic, BlobValue blob, string epoch, CancellationToken cancellationToken)
    {
        if (blob.End is not { } end || end.Epoch != epoch)
        {
            return false;
        }

        if (cache.HasRead(end) || cache.IsChecked(topic, end))
        {
            return true;
        }

        if (await reader.IsLostAsync(end, cancellationToken))
        {
            return false;
        }

        cache.SetBlob(topic, blob, isChecked: true);
        return true;
    }

    private static bool IsWithin(string prefix, string other) => prefix.StartsWith(other, StringComparison.Ordinal) && prefix[0] != '$';

    private static Task ForEachAsync(IEnumerable<string> topics, Func<string, CancellationToken, ValueTask> body, CancellationToken cancellationToken) =>
        Parallel.ForEachAsync(topics, new ParallelOptions { MaxDegreeOfParallelism = MaxReads, CancellationToken = cancellationToken }, body);
}
