namespace FuncSse.Topics;

/// <summary>
/// An event that waits for the log. It is completed when the log has it, when that is impossible, or when the publisher no longer waits.
/// </summary>
internal sealed class PendingEvent(string topic, string? type, ReadOnlyMemory<byte> data, bool retain, DateTimeOffset published, long enqueued)
    : TaskCompletionSource<LogPosition>(TaskCreationOptions.RunContinuationsAsynchronously)
{
    // The approximate size of a record without its data.
    private const int Overhead = 512;

    public string Topic => topic;

    public string? Type => type;

    public ReadOnlyMemory<byte> Data => data;

    /// <summary>Whether the event is kept as the topic's value.</summary>
    public bool Retain => retain;

    public DateTimeOffset Published => published;

    /// <summary>When it was published, by the monotonic clock of this process.</summary>
    public long Enqueued => enqueued;

    public int Size => data.Length + Overhead;

    /// <summary>What is appended; set before the first attempt.</summary>
    public NumberedRecord Record { get; set; }

    /// <summary>The publisher has waited for long enough. The event may be published all the same.</summary>
    public void FailWithTimeout() => TrySetException(new EventLogUnavailableException("The event log did not take the event in time."));
}
