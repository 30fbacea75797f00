using System.Text;

namespace FuncSse.Topics;

/// <summary>
/// An event of the log. It is encoded when a subscriber needs it for the first time, and once for all subscribers: most readers pass over the
/// events of other topics.
/// </summary>
/// <param name="before">The position at which the reader was before it read the event.</param>
/// <param name="record">The event's record.</param>
/// <param name="topic">The topic's name.</param>
internal sealed class TopicEvent(LogPosition before, LogRecord record, string topic)
{
    // The memory of an event apart from its bytes: the object, its position, the topic's name and a place in the ring.
    private const int Overhead = 256;

    // The record's line until the event is encoded. Then the frame inside a chunk of HTTP/1.1 (RFC 9112 §7.1), so that it can be sent without
    // a copy; nothing if the record is damaged. Two threads may encode an event at the same time, with the same result.
    private volatile object _content = record.Line;
    private volatile byte[]? _envelope;
    private ReadOnlyMemory<byte> _dataWithCarriageReturns;
    private long _nextOfTopic;

    public LogPosition Before { get; } = before;

    /// <summary>The end of the record, which is the event's id.</summary>
    public LogPosition Position { get; } = record.End;

    public string Topic { get; } = topic;

    public int Size { get; } = record.Line.Length + Overhead;

    /// <summary>When the event was published, by the publisher's clock. It is known once the event is encoded.</summary>
    public DateTimeOffset Published { get; private set; }

    /// <summary>The event's type, if it has one. It is known once the event is encoded.</summary>
    public string? Type { get; private set; }

    /// <summary>The frame inside a chunk of HTTP/1.1.</summary>
    /// <param name="inEnvelope">Whether the data is JSON that names the topic. It is encoded when it is needed for the first time.</param>
    public byte[] Chunk(bool inEnvelope)
    {
        byte[] chunk = (byte[])_content;
        return inEnvelope ? _envelope ??= ToChunk(TopicFrame.Envelope(ToRecord(), Position)) : chunk;
    }

    /// <summary>The frame of a chunk.</summary>
    public static ReadOnlyMemory<byte> FrameOf(byte[] chunk) => chunk.AsMemory((chunk.AsSpan().IndexOf((byte)'\n') + 1)..^2);

    /// <summary>The event as it was published. It must be encoded.</summary>
    public EventRecord ToRecord() => new(
        Topic, Type, Published, _dataWithCarriageReturns.IsEmpty ? TopicFrame.ReadData(FrameOf((byte[])_content).Span) : _dataWithCarriageReturns);

    /// <summary>The event's sequence in the hub's ring; 0 outside of it.</summary>
    public long Sequence { get; set; }

    /// <summary>The sequence of the topic's next event; 0 if it is not known.</summary>
    public long NextOfTopic
    {
        get => Volatile.Read(ref _nextOfTopic);
        set => Volatile.Write(ref _nextOfTopic, value);
    }

    /// <summary>Encodes the event, unless that has been done.</summary>
    /// <returns><see langword="false"/> if the record is damaged, so that there is no frame.</returns>
    public bool TryEncode(TopicMetrics metrics)
    {
        object content = _content;
        if (content is not byte[] chunk)
        {
            _content = chunk = Encode((ReadOnlyMemory<byte>)content, metrics);
        }

        return chunk.Length > 0;
    }

    private byte[] Encode(ReadOnlyMemory<byte> line, TopicMetrics metrics)
    {
        RecordKind kind = EventRecord.Decode(line.Span, out EventRecord? decoded);
        if (decoded is null)
        {
            metrics.Skipped(Position, kind);
            return [];
        }

        (Published, Type) = (decoded.Published, decoded.Type);
        // A frame tells the data, except for the kind of its line ends.
        _dataWithCarriageReturns = decoded.Data.Span.Contains((byte)'\r') ? decoded.Data : default;
        return ToChunk(TopicFrame.Event(Position, decoded.Type, decoded.Data.Span));
    }

    private static byte[] ToChunk(ReadOnlySpan<byte> frame) =>
        [.. Encoding.ASCII.GetBytes($"{frame.Length:x}\r\n"), .. frame, .. "\r\n"u8];
}
