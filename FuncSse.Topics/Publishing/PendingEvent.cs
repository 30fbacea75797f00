namespace FuncSse.Topics;

/// <summary>An event that waits for the log. It is done when the log has it, when that cannot be, or when the publisher no longer waits.</summary>
internal sealed class PendingEvent(string topic, string? type, ReadOnlyMemory<byte> data, DateTimeOffset published, long enqueued)
    : TaskCompletionSource<LogPosition>(TaskCreationOptions.RunContinuationsAsynchronously)
{
    // What a record has beside its data, about.
    private const int Overhead = 512;

    public string Topic => topic;

    public string? Type => type;

    public ReadOnlyMemory<byte> Data => data;

    public DateTimeOffset Published => published;

    /// <summary>When it was published, by the monotonic clock of this process.</summary>
    public long Enqueued => enqueued;

    public int Size => data.Length + Overhead;

    /// <summary>The number that its record has: 0 before the first try.</summary>
    public long Number { get; set; }

    /// <summary>The publisher has waited for long enough. The event may be published all the same.</summary>
    public void GiveUp() => TrySetException(new EventLogUnavailableException("The event log did not take the event in time."));
}
