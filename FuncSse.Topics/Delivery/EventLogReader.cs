namespace FuncSse.Topics;

/// <summary>Reads events from the log in its order.</summary>
/// <param name="log">The log.</param>
/// <param name="begin">Where to begin: any position at all.</param>
/// <param name="metrics">Counts what is skipped.</param>
/// <param name="follows">Whether it reads events as they come: then the time since they were published means something.</param>
internal sealed class EventLogReader(IEventLog log, LogPosition begin, TopicMetrics metrics, bool follows = false)
{
    /// <summary>Where the next page begins.</summary>
    public LogPosition Position { get; private set; } = begin;

    /// <summary>Reads the next page.</summary>
    /// <exception cref="EventLogUnavailableException">The log cannot be reached; nothing has changed, so try again.</exception>
    public async Task<EventPage> ReadAsync(int maxBytes, CancellationToken cancellationToken)
    {
        LogPage page = await log.ReadAsync(Position, maxBytes, cancellationToken);
        if (page.State != PositionState.Known)
        {
            return new EventPage(page.State, Position, Position, [], [], HasMore: false);
        }

        var events = new List<TopicEvent>(page.Records.Count);
        LogPosition before = Position;
        foreach (LogRecord line in page.Records)
        {
            RecordKind kind = EventRecord.Decode(line.Line.Span, out EventRecord? record);
            if (record is null)
            {
                metrics.Skipped(line.End, kind);
            }
            else
            {
                events.Add(new TopicEvent(before, line.End, record.Topic, TopicFrame.Event(line.End, record.Type, record.Data.Span)));
                if (follows)
                {
                    metrics.Read(record.Published);
                }
            }

            before = line.End;
        }

        var read = new EventPage(PositionState.Known, Position, page.Next, events, [.. page.Records.Select(record => record.End)], page.HasMore);
        Position = page.Next;
        return read;
    }
}
