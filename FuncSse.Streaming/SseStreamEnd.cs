namespace FuncSse.Streaming;

/// <summary>Why a stream ended.</summary>
internal enum SseStreamEnd
{
    /// <summary>It has not.</summary>
    None,

    /// <summary>The client closed its connection.</summary>
    ClientLeft,

    /// <summary>The client took no byte for <see cref="SseOptions.WriteTimeout"/>, and its connection was closed.</summary>
    ClientStalled,

    /// <summary>The stream reached its own lifetime, <see cref="SseOptions.MaxDuration"/>.</summary>
    Lifetime,

    /// <summary>The process is shutting down.</summary>
    HostStopping,

    /// <summary>The platform cancelled the request, while its client is still there.</summary>
    HostCancelled,

    /// <summary>The feed has no more events.</summary>
    FeedEnded,

    /// <summary>The feed threw.</summary>
    FeedFailed,
}
