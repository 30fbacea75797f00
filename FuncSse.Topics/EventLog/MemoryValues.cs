namespace FuncSse.Topics;

/// <summary>The retained values of a log in memory, whose lock guards them.</summary>
internal sealed class MemoryValues(TopicOptions options, TimeProvider time)
{
    private static readonly TimeSpan s_sweepInterval = TimeSpan.FromMinutes(1);

    private readonly Dictionary<string, (RetainedValue Value, long Since)> _values = new(StringComparer.Ordinal);
    private int _reserved; // How many values are of reserved topics, which do not count.
    private long? _lastSweep;

    /// <inheritdoc cref="IEventLog.FindRoomAsync"/>
    public int FindRoom(string topic) => _values.ContainsKey(topic) ? int.MaxValue : options.MaxRetained - (_values.Count - _reserved);

    /// <inheritdoc cref="IEventLog.ReadValuesAsync"/>
    public IReadOnlyList<RetainedValue>? Read(TopicSet topics, int max)
    {
        ArgumentNullException.ThrowIfNull(topics);
        IEnumerable<(RetainedValue Value, long Since)> found = topics.Prefixes.Count > 0
            ? _values.Values.Where(one => topics.Covers(one.Value.Topic))
            : topics.Names.Where(_values.ContainsKey).Select(name => _values[name]);
        RetainedValue[] values = [.. found.Where(one => IsKept(one.Since)).Select(one => one.Value).Take(max == int.MaxValue ? max : max + 1)];
        return values.Length > max ? null : values;
    }

    /// <summary>Takes a record that was appended.</summary>
    /// <param name="record">The record: one that is not retained changes nothing.</param>
    /// <param name="end">Where it ends.</param>
    public void Set(NumberedRecord record, LogPosition end)
    {
        if (record.RetainedTopic is not { } topic)
        {
            return;
        }

        int reserved = topic[0] == '$' ? 1 : 0;
        _reserved -= _values.Remove(topic) ? reserved : 0;
        if (!record.Clears)
        {
            _reserved += reserved;
            _values.Add(topic, (new RetainedValue(topic, record.Line, end), time.GetTimestamp()));
        }

        Sweep();
    }

    private bool IsKept(long since) => options.ValueLifetime is not { } lifetime || time.GetElapsedTime(since) <= lifetime;

    // Removes values that are no longer kept, once a minute.
    private void Sweep()
    {
        if (options.ValueLifetime is null || (_lastSweep is { } last && time.GetElapsedTime(last) < s_sweepInterval))
        {
            return;
        }

        _lastSweep = time.GetTimestamp();
        foreach ((string topic, (_, long since)) in _values)
        {
            if (!IsKept(since))
            {
                _values.Remove(topic);
            }
        }
    }
}
