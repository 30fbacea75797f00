namespace FuncSse.Topics;

/// <summary>Finds the subscribers of an event without looking at the others. It is guarded by the hub's lock.</summary>
internal sealed class TopicIndex
{
    private readonly Dictionary<string, Entry> _names = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Entry> _prefixes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Entry>.AlternateLookup<ReadOnlySpan<char>> _prefixesOf;

    public TopicIndex() => _prefixesOf = _prefixes.GetAlternateLookup<ReadOnlySpan<char>>();

    public void Add(TopicSubscription subscription)
    {
        Add(_names, subscription.Topics.Names, subscription);
        Add(_prefixes, subscription.Topics.Prefixes, subscription);
    }

    public void Remove(TopicSubscription subscription)
    {
        Remove(_names, subscription.Topics.Names, subscription);
        Remove(_prefixes, subscription.Topics.Prefixes, subscription);
    }

    public void Clear()
    {
        _names.Clear();
        _prefixes.Clear();
    }

    /// <summary>
    /// Adds the event's subscribers to a list, and links the previous event of the topic to it. A subscriber with overlapping topics is added
    /// more than once.
    /// </summary>
    public void Find(TopicEvent found, TopicRing ring, List<TopicSubscription> due)
    {
        if (_names.TryGetValue(found.Topic, out Entry? entry))
        {
            if (ring.TryGet(entry.Newest, out TopicEvent? last))
            {
                last.NextOfTopic = found.Sequence;
            }

            entry.Newest = found.Sequence;
            due.AddRange(entry.Subscriptions);
        }

        if (_prefixes.Count == 0)
        {
            return;
        }

        ReadOnlySpan<char> topic = found.Topic;
        for (int length = topic[0] == '$' ? 1 : 0; ; length++) // "*" does not cover reserved names.
        {
            if (_prefixesOf.TryGetValue(topic[..length], out entry))
            {
                due.AddRange(entry.Subscriptions);
            }

            int slash = topic[length..].IndexOf('/');
            if (slash < 0)
            {
                return;
            }

            length += slash;
        }
    }

    private static void Add(Dictionary<string, Entry> entries, IEnumerable<string> keys, TopicSubscription subscription)
    {
        foreach (string key in keys)
        {
            if (!entries.TryGetValue(key, out Entry? entry))
            {
                entries.Add(key, entry = new Entry());
            }

            entry.Subscriptions.Add(subscription);
        }
    }

    private static void Remove(Dictionary<string, Entry> entries, IEnumerable<string> keys, TopicSubscription subscription)
    {
        foreach (string key in keys)
        {
            if (entries.TryGetValue(key, out Entry? entry) && entry.Subscriptions.Remove(subscription) && entry.Subscriptions.Count == 0)
            {
                entries.Remove(key);
            }
        }
    }

    private sealed class Entry
    {
        // A set, since thousands may leave at once.
        public HashSet<TopicSubscription> Subscriptions { get; } = [];

        public long Newest { get; set; }
    }
}
