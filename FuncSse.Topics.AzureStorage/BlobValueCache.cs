using System.Text;

namespace FuncSse.Topics.AzureStorage;

/// <summary>A retained record that this process has read from the log, or appended to it, and whose blob may not have it yet.</summary>
/// <param name="Line">The record; empty if it clears its topic.</param>
/// <param name="End">Where it ends.</param>
internal sealed record SeenValue(ReadOnlyMemory<byte> Line, LogPosition End);

/// <summary>
/// What this process knows of the retained values: the blobs as they were when it last read or wrote them, and the newer records that it has seen in
/// the log. A topic has one record here: the blob's, or a newer one in its place.
/// </summary>
/// <param name="keepsRecords">Whether the records themselves are kept. Values that do not last for ever are seldom read twice.</param>
/// <param name="time">The clock.</param>
internal sealed class BlobValueCache(bool keepsRecords, TimeProvider time)
{
    private static readonly Entry s_none = new(null, false, null, 0);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);
    private readonly HashSet<string> _pending = new(StringComparer.Ordinal);
    private LogPosition? _followed;

    /// <summary>Called when a record is seen whose blob may not have it.</summary>
    public Action? Noted { get; set; }

    /// <summary>What this process has read of the log ends here: from wherever it began, to its newest end.</summary>
    public LogPosition? Followed => Volatile.Read(ref _followed);

    /// <summary>The blob as it was, for a conditional read; <see langword="null"/> if its record is not at hand.</summary>
    public BlobValue? FindWhole(string topic) => Find(topic) is { IsWhole: true } entry ? entry.Blob : null;

    /// <summary>The blob as it was, for a conditional write: its record may be missing.</summary>
    public BlobValue? FindBlob(string topic) => Find(topic).Blob;

    /// <summary>Whether the log was found to have the position that the blob of the topic names.</summary>
    public bool IsChecked(string topic, LogPosition end) => Find(topic) is { IsChecked: true } entry && entry.Blob?.End == end;

    public SeenValue? FindSeen(string topic) => Find(topic).Seen;

    /// <summary>Whether the topic has a value, as far as this process knows.</summary>
    public bool HasValue(string topic) => Find(topic) is var entry && entry.Seen is { } seen ? !seen.Line.IsEmpty : entry.Blob is { IsClear: false };

    /// <summary>The records of the topics that were seen, and whose blobs may not have them.</summary>
    public Dictionary<string, SeenValue> FindSeen(TopicSet topics)
    {
        lock (_gate)
        {
            IEnumerable<string> seen = topics.Prefixes.Count > 0 ? _pending.Where(topics.Covers) : topics.Names.Where(_pending.Contains);
            return seen.ToDictionary(topic => topic, topic => _entries[topic].Seen!, StringComparer.Ordinal);
        }
    }

    /// <summary>The topics whose names begin with a prefix, with the ETags of their blobs.</summary>
    public IReadOnlyList<(string Topic, BlobValue Blob)> FindBlobs(string prefix)
    {
        lock (_gate)
        {
            return
            [
                .. _entries.Where(entry => entry.Value.Blob is not null && entry.Key.StartsWith(prefix, StringComparison.Ordinal))
                    .Select(entry => (entry.Key, entry.Value.Blob!)),
            ];
        }
    }

    /// <summary>The topics whose newest record was seen this long ago, and whose blobs may not have it. They are due again after the same time.</summary>
    public IReadOnlyList<(string Topic, SeenValue Seen)> TakeDue(TimeSpan age, out TimeSpan? next)
    {
        lock (_gate)
        {
            long now = time.GetTimestamp();
            string[] due = [.. _pending.Where(topic => time.GetElapsedTime(_entries[topic].Noted, now) >= age)];
            Array.ForEach(due, topic => _entries[topic] = _entries[topic] with { Noted = now });
            next = _pending.Count == 0 ? null : _pending.Min(topic => age - time.GetElapsedTime(_entries[topic].Noted, now));
            return [.. due.Select(topic => (topic, _entries[topic].Seen!))];
        }
    }

    /// <summary>Whether this process has read the log up to this position, so that the position is not ahead of any of its readers.</summary>
    public bool HasRead(LogPosition end) => Followed is { } followed && followed.Epoch == end.Epoch && !end.IsAfter(followed);

    /// <summary>A part of the log was read: notes the retained records in it that are new to this process.</summary>
    public void Follow(LogPosition after, IReadOnlyList<LogRecord> records, LogPosition next)
    {
        if (HasRead(next))
        {
            return; // A subscription catches up with what was read before.
        }

        Note(records);
        if (Followed is not { } followed || followed.Epoch != after.Epoch || !after.IsAfter(followed))
        {
            Begin(next);
        }
    }

    /// <summary>The process goes on from this position.</summary>
    public void Begin(LogPosition end) => Volatile.Write(ref _followed, end);

    /// <summary>Notes the retained records among these, unless this process has read them before.</summary>
    public void Note(IReadOnlyList<LogRecord> records)
    {
        foreach (LogRecord record in records)
        {
            if (EventRecord.IsRetainedLine(record.Line.Span, out ReadOnlySpan<byte> topic, out bool clears) && !HasRead(record.End))
            {
                // The line is a part of a page, which would stay in memory with it.
                Note(Encoding.ASCII.GetString(topic), clears ? default : record.Line.ToArray(), record.End);
            }
        }
    }

    /// <summary>A retained record is in the log.</summary>
    public void Note(string topic, ReadOnlyMemory<byte> line, LogPosition end)
    {
        lock (_gate)
        {
            Entry entry = Find(topic);
            if (IsAtLeast(entry.Seen?.End, end) || entry.Blob?.End == end || (entry.IsChecked && IsAtLeast(entry.Blob?.End, end)))
            {
                return;
            }

            _entries[topic] = new Entry(entry.Blob is { } blob ? blob with { Line = default } : null, false, new SeenValue(line, end), time.GetTimestamp());
            _pending.Add(topic);
        }

        Noted?.Invoke();
    }

    /// <summary>The blob of a topic was read or written.</summary>
    /// <param name="topic">The topic.</param>
    /// <param name="blob">The blob; <see langword="null"/> if there is none.</param>
    /// <param name="isChecked">Whether the log has its position.</param>
    public void SetBlob(string topic, BlobValue? blob, bool isChecked = false)
    {
        lock (_gate)
        {
            Entry entry = Find(topic);
            isChecked |= blob?.End is { } end && (HasRead(end) || (entry.IsChecked && entry.Blob!.End == end));
            bool isSettled = entry.Seen is { } seen && (blob?.End == seen.End || (isChecked && IsAtLeast(blob?.End, seen.End)));
            Set(topic, blob, isChecked, isSettled ? null : entry.Seen, entry.Noted);
        }
    }

    /// <summary>A record that was seen is in the blob by now, or it no longer counts.</summary>
    public void Drop(string topic, SeenValue seen)
    {
        lock (_gate)
        {
            if (Find(topic) is var entry && entry.Seen == seen)
            {
                Set(topic, entry.Blob, entry.IsChecked, null, 0);
            }
        }
    }

    /// <summary>Forgets everything: the log has lost what this process has read.</summary>
    public void Clear()
    {
        lock (_gate)
        {
            _followed = null;
            _entries.Clear();
            _pending.Clear();
        }
    }

    /// <summary>Whether a position is another one or a later one of the same epoch.</summary>
    public static bool IsAtLeast(LogPosition? position, LogPosition other) =>
        position == other || (position is not null && position.Epoch == other.Epoch && position.IsAfter(other));

    private void Set(string topic, BlobValue? blob, bool isChecked, SeenValue? seen, long noted)
    {
        if (seen is null)
        {
            _pending.Remove(topic);
        }

        if (blob is null && seen is null)
        {
            _entries.Remove(topic);
            return;
        }

        _entries[topic] = new Entry(blob is not null && (seen is not null || !keepsRecords) ? blob with { Line = default } : blob, isChecked, seen, noted);
    }

    private Entry Find(string topic)
    {
        lock (_gate)
        {
            return _entries.GetValueOrDefault(topic, s_none);
        }
    }

    private sealed record Entry(BlobValue? Blob, bool IsChecked, SeenValue? Seen, long Noted)
    {
        public bool IsWhole => Blob is not null && (Blob.IsClear || !Blob.Line.IsEmpty);
    }
}
