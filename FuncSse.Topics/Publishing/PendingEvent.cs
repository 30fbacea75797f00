namespace FuncSse.Topics;

/// <summary>
/// An event that waits for the log. It is completed when the log has it, when that is impossible, or when the publisher no longer waits.
/// </summary>
/// <param name="line">The record.</param>
/// <param name="retainedTopic">The topic whose value the event becomes or clears, if it does.</param>
/// <param name="clears">Whether it clears the value.</param>
/// <param name="enqueued">When it was published, by the monotonic clock of this process.</param>
internal sealed class PendingEvent(byte[] line, string? retainedTopic, bool clears, long enqueued)
    : TaskCompletionSource<LogPosition>(TaskCreationOptions.RunContinuationsAsynchronously)
{
    // The approximate memory of an event without its record.
    private const int Overhead = 256;

    /// <summary>Whether the event is kept as its topic's value.</summary>
    public bool Retain => retainedTopic is not null;

    public long Enqueued => enqueued;

    public int Size => line.Length + Overhead;

    /// <summary>What is appended, which is known before the first attempt.</summary>
    public NumberedRecord Record { get; private set; }

    public void SetNumber(long number) => Record = new NumberedRecord(number, line, retainedTopic, clears);

    /// <summary>The publisher has waited for long enough. The event may be published all the same.</summary>
    public void FailWithTimeout() => TrySetException(new EventLogUnavailableException("The event log did not take the event in time."));
}
