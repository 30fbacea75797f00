using System.Text;

namespace FuncSse.Topics;

/// <summary>The events of a section of the log.</summary>
/// <param name="State">The state of <paramref name="Start"/>. There are no events unless it is known.</param>
/// <param name="Start">The position after which the page begins.</param>
/// <param name="End">The position at which the page ends.</param>
/// <param name="Events">The events.</param>
/// <param name="Records">All records, also those that are not events.</param>
/// <param name="HasMore">Whether more records may follow.</param>
internal sealed record EventPage(
    PositionState State, LogPosition Start, LogPosition End, IReadOnlyList<TopicEvent> Events, IReadOnlyList<LogRecord> Records, bool HasMore)
{
    /// <summary>About how many bytes of the log a page has.</summary>
    public const int TargetSize = 256 * 1024;

    /// <summary>About how much memory the page takes, with the records that are not events.</summary>
    public long Size { get; } = 256 + (Events.Count * 256L) + Records.Sum(record => 64L + record.Line.Length);

    /// <summary>Whether the log has nothing after <see cref="Start"/> yet.</summary>
    public bool IsEmpty => End == Start;

    /// <summary>Reads the page that follows a position. Only the topics of its events are decoded.</summary>
    /// <param name="log">The log.</param>
    /// <param name="start">The position: any position at all.</param>
    /// <param name="metrics">Counts records that are not events.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="EventLogUnavailableException">The log cannot be reached.</exception>
    public static async Task<EventPage> ReadAsync(IEventLog log, LogPosition start, TopicMetrics metrics, CancellationToken cancellationToken)
    {
        LogPage page = await log.ReadAsync(start, TargetSize, cancellationToken);
        if (page.State != PositionState.Known)
        {
            return new EventPage(page.State, start, start, [], [], HasMore: false);
        }

        var events = new List<TopicEvent>(page.Records.Count);
        LogPosition before = start;
        foreach (LogRecord record in page.Records)
        {
            if (FindTopic(record, metrics) is { } topic)
            {
                events.Add(new TopicEvent(before, record, topic));
            }

            before = record.End;
        }

        return new EventPage(PositionState.Known, start, page.Next, events, page.Records, page.HasMore);
    }

    /// <summary>Whether the page has the records that follow the position, and the position is its start or the end of one of its records.</summary>
    public bool Continues(LogPosition position)
    {
        if (position.Epoch != Start.Epoch || Start.IsAfter(position) || !End.IsAfter(position))
        {
            return false;
        }

        int next = FirstAfter(Records, record => record.End, position);
        return position == (next == 0 ? Start : Records[next - 1].End);
    }

    /// <summary>The index of the first event after the position.</summary>
    public int FirstAfter(LogPosition position) => FirstAfter(Events, one => one.Position, position);

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

    private static int FirstAfter<T>(IReadOnlyList<T> sorted, Func<T, LogPosition> end, LogPosition position)
    {
        (int low, int high) = (0, sorted.Count);
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = end(sorted[middle]).IsAfter(position) ? (low, middle) : (middle + 1, high);
        }

        return low;
    }
}
