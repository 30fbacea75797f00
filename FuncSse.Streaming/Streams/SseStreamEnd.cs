using System.Diagnostics;

namespace FuncSse.Streaming;

/// <summary>Why a stream ended.</summary>
internal enum SseStreamEnd
{
    /// <summary>It has not ended.</summary>
    None,

    /// <summary>The client closed its connection.</summary>
    ClientLeft,

    /// <summary>The client read nothing for <see cref="SseOptions.WriteTimeout"/>, and its connection was closed.</summary>
    ClientStalled,

    /// <summary>The stream reached its own lifetime, <see cref="SseOptions.MaxDuration"/>.</summary>
    Lifetime,

    /// <summary>The process is shutting down.</summary>
    HostStopping,

    /// <summary>The platform cancelled the request while its client was still connected.</summary>
    HostCancelled,

    /// <summary>The feed has no more events.</summary>
    FeedEnded,

    /// <summary>The feed threw.</summary>
    FeedFailed,

    /// <summary>The client's right to the stream ended.</summary>
    TicketExpired,

    /// <summary>Sending failed through no fault of the client or the feed.</summary>
    Failed,
}

/// <summary>The names of the reasons in logs and metrics.</summary>
internal static class SseStreamEnds
{
    public static string ToName(this SseStreamEnd end) => end switch
    {
        SseStreamEnd.ClientLeft => "client_left",
        SseStreamEnd.ClientStalled => "client_stalled",
        SseStreamEnd.Lifetime => "lifetime",
        SseStreamEnd.HostStopping => "host_stopping",
        SseStreamEnd.HostCancelled => "host_cancelled",
        SseStreamEnd.FeedEnded => "feed_ended",
        SseStreamEnd.FeedFailed => "feed_failed",
        SseStreamEnd.TicketExpired => "ticket_expired",
        SseStreamEnd.Failed => "failed",
        _ => throw new UnreachableException(),
    };
}
