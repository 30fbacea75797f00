using System.Net.ServerSentEvents;

namespace FuncSse.Topics;

/// <summary>How a recorded stream ended.</summary>
public enum RecordedStreamEnd
{
    /// <summary>The feed has no more events.</summary>
    Completed,

    /// <summary>The feed threw, or its events had more than 8 MB.</summary>
    Failed,

    /// <summary><see cref="IRecordedStreams.StopAsync"/> was called.</summary>
    Stopped,

    /// <summary>It reached <see cref="RecordedStreamOptions.MaxDuration"/>.</summary>
    TimedOut,

    /// <summary>The host of the feed stopped.</summary>
    HostStopped,

    /// <summary>The process of the feed died, or lost the log.</summary>
    Died,
}

/// <summary>What a client gets that comes after the end of a recorded stream.</summary>
public enum AfterEnd
{
    /// <summary>The whole stream, or what it has not received yet. A client that has received all gets 204.</summary>
    Replay,

    /// <summary>204, for clients that keep what was said elsewhere.</summary>
    NoContent,
}

/// <summary>The options of a recorded stream.</summary>
public sealed class RecordedStreamOptions
{
    /// <summary>
    /// How long the feed may run: 1 s to 1 day, 9 minutes by default. On Azure Functions it must end 30 s before <c>functionTimeout</c>.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is outside of the range.</exception>
    public TimeSpan MaxDuration
    {
        get;
        init => field = value >= TimeSpan.FromSeconds(1) && value <= TimeSpan.FromDays(1)
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), value, "It must be from 1 s to 1 day.");
    } = TimeSpan.FromMinutes(9);

    /// <summary>
    /// Makes the last events of a stream that did not complete, from how it ended. After them the connection breaks, so that no client takes a part for the
    /// whole. <see langword="null"/>, the default, for none.
    /// </summary>
    public Func<RecordedStreamEnd, IEnumerable<SseItem<string>>>? Closing { get; init; }

    /// <summary>
    /// Whether events have ids, with which a client comes back: true by default. Leave them out for clients that do not come back by themselves and
    /// read ids as something else.
    /// </summary>
    public bool HasIds { get; init; } = true;

    /// <summary>What a client gets that comes after the end: the stream again by default.</summary>
    public AfterEnd AfterEnd { get; init; }

    /// <summary>
    /// Makes the events that a client receives of those that were recorded, such as another format of them; <see langword="null"/>, the default, to send them
    /// as they are. It is used without ids only, since it may make more or fewer events.
    /// </summary>
    public Func<IAsyncEnumerable<SseItem<string>>, IAsyncEnumerable<SseItem<string>>>? Convert { get; init; }
}
