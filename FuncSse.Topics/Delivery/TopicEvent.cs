using System.Text;

namespace FuncSse.Topics;

/// <summary>An event, encoded as it is sent to every subscriber.</summary>
/// <param name="before">The position of the reader before it read the event.</param>
/// <param name="position">The end of its record, which is the event's id.</param>
/// <param name="topic">The topic's name.</param>
/// <param name="frame">The event as a frame.</param>
internal sealed class TopicEvent(LogPosition before, LogPosition position, string topic, ReadOnlySpan<byte> frame)
{
    // The memory of an event apart from its frame: the object, its position, the topic's name and a place in the ring.
    private const int Overhead = 256;

    // The frame inside a chunk of HTTP/1.1 (RFC 9112 §7.1), so that it can be sent without a copy.
    private readonly byte[] _chunk = [.. Encoding.ASCII.GetBytes($"{frame.Length:x}\r\n"), .. frame, .. "\r\n"u8];
    private readonly int _length = frame.Length;
    private long _nextOfTopic;

    public LogPosition Before { get; } = before;

    public LogPosition Position { get; } = position;

    public string Topic { get; } = topic;

    public ReadOnlyMemory<byte> Frame => _chunk.AsMemory(_chunk.Length - 2 - _length, _length);

    public ReadOnlySpan<byte> Chunk => _chunk;

    public int Size => _length + Overhead;

    /// <summary>The event's place in the hub's ring; 0 outside of it.</summary>
    public long Sequence { get; set; }

    /// <summary>The sequence of the topic's next event; 0 if it is not known.</summary>
    public long NextOfTopic
    {
        get => Volatile.Read(ref _nextOfTopic);
        set => Volatile.Write(ref _nextOfTopic, value);
    }
}
