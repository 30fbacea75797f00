namespace FuncSse.Client;

/// <summary>The options of an <see cref="SseClient"/>. They are checked and copied when the client is made.</summary>
public sealed class SseClientOptions
{
    internal static readonly TimeSpan MaxWait = TimeSpan.FromDays(1);

    /// <summary>Prepares each request, for example with a token. <see langword="null"/>, the default, for none.</summary>
    public SsePrepareRequest? PrepareRequest { get; set; }

    /// <summary>
    /// How long the server may send nothing before the connection counts as lost: 1 ms to 1 day, 45 s by default, or
    /// <see cref="Timeout.InfiniteTimeSpan"/> for any time. Comments count as life. The time also limits the wait for the response.
    /// </summary>
    public TimeSpan Silence { get; set; } = TimeSpan.FromSeconds(45);

    /// <summary>
    /// The most bytes of one event as it is sent, and of one comment: 1 to 33,554,432, 16 MB by default. A larger one ends the reading with
    /// <see cref="SseEventTooLargeException"/>. The client keeps a few times as much in memory at most.
    /// </summary>
    public int MaxEventSize { get; set; } = 16 * 1024 * 1024;

    /// <summary>
    /// The types of events that are passed over when strings are read: <c>position</c> and <c>keep-alive</c> by default. Their ids count for
    /// resuming.
    /// </summary>
    public ICollection<string> PassedOver { get; set; } = ["position", "keep-alive"];

    /// <summary>
    /// The types of events that are read as JSON: <c>message</c>, which is that of events without a type, by default. Others are passed over,
    /// and their ids count for resuming.
    /// </summary>
    public ICollection<string> Types { get; set; } = ["message"];

    /// <summary>The wait before reconnecting until the server names one with <c>retry:</c>: 1 ms to 1 day, 1 s by default.</summary>
    public TimeSpan Retry { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// The longest wait between attempts that fail: 1 ms to 1 day, 30 s by default. The wait doubles with each of them until then, and is
    /// shortened at random by up to half. A longer <c>retry:</c> or <c>Retry-After</c> is obeyed.
    /// </summary>
    public TimeSpan MaxBackoff { get; set; } = TimeSpan.FromSeconds(30);

    internal SseClientOptions Checked()
    {
        Check(Silence == Timeout.InfiniteTimeSpan ? MaxWait : Silence, nameof(Silence));
        Check(Retry, nameof(Retry));
        Check(MaxBackoff, nameof(MaxBackoff));
        ArgumentNullException.ThrowIfNull(PassedOver);
        ArgumentNullException.ThrowIfNull(Types);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxEventSize, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxEventSize, 32 * 1024 * 1024);
        var copy = (SseClientOptions)MemberwiseClone();
        (copy.PassedOver, copy.Types) = ([.. PassedOver], [.. Types]);
        return copy;
    }

    private static void Check(TimeSpan time, string name)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(time, TimeSpan.FromMilliseconds(1), name);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(time, MaxWait, name);
    }
}
