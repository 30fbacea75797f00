namespace FuncSse.Topics;

/// <summary>Reads events from the log in its order, each once, and passes over what does not count.</summary>
/// <param name="log">The log.</param>
/// <param name="begin">Where to begin: any position at all.</param>
/// <param name="metrics">Counts what is skipped.</param>
/// <param name="follows">Whether it reads events as they come: then the time since they were published means something.</param>
internal sealed class EventLogReader(IEventLog log, LogPosition begin, TopicMetrics metrics, bool follows = false)
{
    /// <summary>
    /// How far a reader looks back at most to know whether a record counts, in bytes. A writer gives an append up after 10 s and its
    /// knowledge of the end is a second old at most, so only a record that is a forgery or came hours late lies beyond.
    /// </summary>
    private const long MaxLookBack = 256L << 20;

    private readonly SeenWriters _seen = new(begin);

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

        // Decided in two steps, so that a failure in the first leaves nothing half done.
        var records = new List<(EventRecord Record, LogPosition End)>(page.Records.Count);
        foreach (LogRecord line in page.Records)
        {
            if (Decode(line) is { } record)
            {
                records.Add((record, line.End));
            }
        }

        foreach ((EventRecord record, LogPosition _) in records)
        {
            if (_seen.LooksBackTo(record) is { } earlier)
            {
                await LookBackAsync(earlier, maxBytes, cancellationToken);
            }
        }

        var events = new List<TopicEvent>(records.Count);
        LogPosition before = Position;
        foreach ((EventRecord record, LogPosition end) in records)
        {
            if (_seen.Counts(record, end))
            {
                byte[] frame = TopicFrame.Event(end, record.Type, record.Data.Span);
                events.Add(new TopicEvent(before, end, record.Topic, frame));
                if (follows)
                {
                    metrics.Read(record.Published);
                }
            }

            before = end;
        }

        var read = new EventPage(PositionState.Known, Position, page.Next, events, [.. page.Records.Select(record => record.End)], page.HasMore);
        Position = page.Next;
        return read;
    }

    private async Task LookBackAsync(LogPosition earlier, int maxBytes, CancellationToken cancellationToken)
    {
        var records = new List<(EventRecord Record, LogPosition End)>();
        LogPosition position = earlier;
        for (long looked = 0; _seen.Begin.IsAfter(position) && looked < MaxLookBack;)
        {
            LogPage page = await log.ReadAsync(position, maxBytes, cancellationToken);
            if (page.State != PositionState.Known)
            {
                // What is no longer kept is so for every reader.
                LogPosition earliest = await log.GetEarliestAsync(cancellationToken);
                if (page.State == PositionState.Unknown || !earliest.IsAfter(position))
                {
                    break;
                }

                position = earliest;
                continue;
            }

            foreach (LogRecord line in page.Records)
            {
                looked += line.Line.Length;
                if (!line.End.IsAfter(_seen.Begin) && EventRecord.Decode(line.Line.Span, out EventRecord? record) == RecordKind.Event)
                {
                    records.Add((record! with { Data = default }, line.End)); // The data of hours would not fit the memory.
                }
            }

            if (page.Next == position)
            {
                break;
            }

            position = page.Next;
        }

        _seen.BeginAt(earlier, records);
    }

    private EventRecord? Decode(LogRecord line)
    {
        RecordKind kind = EventRecord.Decode(line.Line.Span, out EventRecord? record);
        if (kind != RecordKind.Event)
        {
            metrics.Skipped(line.End, kind);
        }

        return record;
    }
}
