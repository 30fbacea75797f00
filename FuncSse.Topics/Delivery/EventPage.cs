using System.Text;

namespace FuncSse.Topics;

/// <summary>A section of the log.</summary>
/// <param name="State">The state of <paramref name="Start"/>. There are no records unless it is known.</param>
/// <param name="Start">The position after which the page begins.</param>
/// <param name="End">The position at which the page ends.</param>
/// <param name="Records">The records.</param>
/// <param name="Topics">The topic of each record; <see langword="null"/> where a record is not an event.</param>
/// <param name="HasMore">Whether more records may follow.</param>
internal sealed record EventPage(
    PositionState State, LogPosition Start, LogPosition End, IReadOnlyList<LogRecord> Records, IReadOnlyList<string?> Topics, bool HasMore)
{
    // Events are made when they are needed, since most readers want few of them.
    private readonly TopicEvent?[] _events = new TopicEvent?[Records.Count];

    /// <summary>About how many bytes of the log a page has, unless its reader passes over much that it does not want.</summary>
    public const int TargetSize = 256 * 1024;

    /// <summary>About how many bytes of the log a page has at most.</summary>
    public const int MaxSize = 2 * 1024 * 1024;

    /// <summary>About how much memory the page takes, with its events.</summary>
    public long Size { get; } = 256 + Topics.Sum(topic => topic is null ? 0 : 256L) + Records.Sum(record => 64L + record.Line.Length);

    /// <summary>Whether the log has nothing after <see cref="Start"/> yet.</summary>
    public bool IsEmpty => End == Start;

    /// <summary>Reads the page that follows a position. Only the topics are decoded.</summary>
    /// <param name="log">The log.</param>
    /// <param name="start">The position: any position at all.</param>
    /// <param name="size">About how many bytes to read.</param>
    /// <param name="metrics">Counts records that are not events.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="EventLogUnavailableException">The log cannot be reached.</exception>
    public static async Task<EventPage> ReadAsync(
        IEventLog log, LogPosition start, int size, TopicMetrics metrics, CancellationToken cancellationToken)
    {
        LogPage page = await log.ReadAsync(start, size, cancellationToken);
        if (page.State != PositionState.Known)
        {
            return new EventPage(page.State, start, start, [], [], HasMore: false);
        }

        string?[] topics = [.. page.Records.Select(record => FindTopic(record, metrics))];
        return new EventPage(PositionState.Known, start, page.Next, page.Records, topics, page.HasMore);
    }

    /// <summary>The event of a record that is one. All subscriptions get the same, so that it is encoded once.</summary>
    public TopicEvent EventAt(int index)
    {
        TopicEvent Create() => new(index == 0 ? Start : Records[index - 1].End, Records[index], Topics[index]!);
        return Volatile.Read(ref _events[index]) ?? Interlocked.CompareExchange(ref _events[index], Create(), null) ?? _events[index]!;
    }

    /// <summary>Whether the page has the records that follow the position, and the position is its start or the end of one of its records.</summary>
    public bool Continues(LogPosition position)
    {
        if (position.Epoch != Start.Epoch || Start.IsAfter(position) || !End.IsAfter(position))
        {
            return false;
        }

        int next = FirstAfter(position);
        return position == (next == 0 ? Start : Records[next - 1].End);
    }

    /// <summary>The index of the first record after the position.</summary>
    public int FirstAfter(LogPosition position)
    {
        (int low, int high) = (0, Records.Count);
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = Records[middle].End.IsAfter(position) ? (low, middle) : (middle + 1, high);
        }

        return low;
    }

    private static string? FindTopic(LogRecord record, TopicMetrics metrics)
    {
        if (EventRecord.TryReadTopic(record.Line.Span, out ReadOnlySpan<byte> topic))
        {
            return Encoding.ASCII.GetString(topic);
        }

        RecordKind kind = EventRecord.Decode(record.Line.Span, out EventRecord? decoded);
        if (decoded is null)
        {
            metrics.Skipped(record.End, kind);
        }

        return decoded?.Topic;
    }
}
