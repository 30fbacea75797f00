namespace FuncSse.Topics;

/// <summary>An event that counts, encoded as it goes to every subscriber.</summary>
internal sealed class TopicEvent(LogPosition before, LogPosition position, string topic, ReadOnlyMemory<byte> frame)
{
    // What an event takes beside its frame: the object, its position, the topic's name and a place in the ring.
    private const int Overhead = 256;

    private long _nextOfTopic;

    /// <summary>Where the hub's reader stood before it.</summary>
    public LogPosition Before { get; } = before;

    /// <summary>Where its record ends: its id.</summary>
    public LogPosition Position { get; } = position;

    public string Topic { get; } = topic;

    public ReadOnlyMemory<byte> Frame { get; } = frame;

    public int Size => Frame.Length + Overhead;

    /// <summary>The event's place in the hub's ring; 0 outside of it.</summary>
    public long Sequence { get; set; }

    /// <summary>The sequence of the topic's next event; 0 if it is not known.</summary>
    public long NextOfTopic
    {
        get => Volatile.Read(ref _nextOfTopic);
        set => Volatile.Write(ref _nextOfTopic, value);
    }
}
