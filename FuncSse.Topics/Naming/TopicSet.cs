namespace FuncSse.Topics;

/// <summary>A set of topics, given by names and patterns.</summary>
public sealed class TopicSet
{
    private readonly string? _single;
    private readonly HashSet<string>.AlternateLookup<ReadOnlySpan<char>> _prefixes;
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);

    // All reserved names below a prefix.
    private TopicSet(string prefix)
    {
        var prefixes = new HashSet<string>(StringComparer.Ordinal) { prefix };
        _prefixes = prefixes.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    /// <summary>Makes a set. Duplicates count once.</summary>
    /// <param name="topics">Names, and patterns such as <c>orders/*</c>.</param>
    /// <exception cref="ArgumentException">One of them is neither a name nor a pattern. The message contains it.</exception>
    public TopicSet(IEnumerable<string> topics)
    {
        ArgumentNullException.ThrowIfNull(topics);
        var prefixes = new HashSet<string>(StringComparer.Ordinal);
        _prefixes = prefixes.GetAlternateLookup<ReadOnlySpan<char>>();
        foreach (string topic in topics)
        {
            if (!TopicName.IsValidToSubscribe(topic))
            {
                throw new ArgumentException($"'{topic}' is not the name of a topic or a pattern.", nameof(topics));
            }

            _ = TopicName.IsPattern(topic) ? prefixes.Add(topic[..^1]) : _names.Add(topic);
        }

        _single = prefixes.Count == 0 && _names.Count == 1 ? _names.First() : null;
    }

    /// <summary>All reserved names that begin with <paramref name="prefix"/>, such as <c>$revoked/</c>.</summary>
    internal static TopicSet Reserved(string prefix) => new(prefix);

    /// <summary>Whether the set is empty.</summary>
    public bool IsEmpty => _names.Count == 0 && Prefixes.Count == 0;

    /// <summary>The names and patterns.</summary>
    public IEnumerable<string> Topics => [.. _names, .. Prefixes.Select(prefix => prefix + "*")];

    /// <summary>The names.</summary>
    public IReadOnlyCollection<string> Names => _names;

    /// <summary>The prefixes of the patterns: <c>orders/</c> for <c>orders/*</c>, and the empty string for <c>*</c>.</summary>
    public IReadOnlyCollection<string> Prefixes => _prefixes.Set;

    /// <summary>Whether the set consists of one name.</summary>
    internal bool IsSingleName => _single is not null;

    /// <summary>Whether the name is in the set, or a pattern in the set covers it.</summary>
    /// <param name="name">A topic's name.</param>
    public bool Covers(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (_single is not null)
        {
            return string.Equals(_single, name, StringComparison.Ordinal);
        }

        return _names.Contains(name) || (_prefixes.Set.Count > 0 && HasPrefixOf(name));
    }

    /// <summary>
    /// Whether each name that the other set covers is covered by this one: <c>a/*</c> covers <c>a/b</c> and <c>a/b/*</c>, but neither
    /// <c>a</c> nor <c>*</c>.
    /// </summary>
    /// <param name="topics">The other set.</param>
    public bool Covers(TopicSet topics)
    {
        ArgumentNullException.ThrowIfNull(topics);
        return topics._names.All(Covers) && topics.Prefixes.All(prefix => HasPrefixOf(prefix));
    }

    /// <summary>The names and patterns of this set that the other set does not cover.</summary>
    internal TopicSet Except(TopicSet topics) =>
        new([.. _names.Where(name => !topics.Covers(name)), .. Prefixes.Where(prefix => !topics.HasPrefixOf(prefix)).Select(prefix => prefix + "*")]);

    private bool HasPrefixOf(ReadOnlySpan<char> name)
    {
        for (int length = name.StartsWith('$') ? 1 : 0; ; length++) // "*" does not cover reserved names.
        {
            if (_prefixes.Contains(name[..length]))
            {
                return true;
            }

            int slash = name[length..].IndexOf('/');
            if (slash < 0)
            {
                return false;
            }

            length += slash;
        }
    }
}
