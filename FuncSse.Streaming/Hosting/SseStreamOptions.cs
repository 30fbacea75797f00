namespace FuncSse.Streaming;

/// <summary>The options of one stream. What is not set has its value from <see cref="SseOptions"/>.</summary>
public sealed class SseStreamOptions
{
    /// <summary>
    /// Whether a client that reconnects with its last event id gets the rest: true by default. A stream that is not resumable, such as the answer to
    /// a POST, has no lifetime unless <see cref="MaxDuration"/> gives it one. If the host ends it or its feed fails, the connection breaks visibly
    /// after the client has received what was written, so that it does not mistake a part for the whole.
    /// </summary>
    public bool IsResumable { get; init; } = true;

    /// <summary>How long a client waits before it reconnects: 1 ms to 1 day. See <see cref="SseOptions.Retry"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is outside of the range.</exception>
    public TimeSpan? Retry
    {
        get;
        init => field = InRange(value, SseOptions.MinRetry, SseOptions.MaxRetry);
    }

    /// <summary>How long the stream may be silent: 10 ms to 220 s. See <see cref="SseOptions.KeepAlive"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is outside of the range.</exception>
    public TimeSpan? KeepAlive
    {
        get;
        init => field = InRange(value, SseOptions.MinKeepAlive, SseOptions.MaxKeepAlive);
    }

    /// <summary>
    /// Whether the keep-alive is an event that scripts can listen for, <c>event: keep-alive</c> with the data <c>{}</c> and no id,
    /// instead of a comment: false by default. A stream that is not resumable has comments only. A page can then tell a silent feed from a dead connection. <c>onmessage</c> does not see it.
    /// </summary>
    public bool KeepAliveEvent { get; init; }

    /// <summary>
    /// The longest lifetime: 100 ms to 1 day. See <see cref="SseOptions.MaxDuration"/>. On Azure Functions it must stay under
    /// <c>functionTimeout</c>.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is outside of the range.</exception>
    public TimeSpan? MaxDuration
    {
        get;
        init => field = InRange(value, SseOptions.MinLifetime, SseOptions.MaxLifetime);
    }

    /// <summary>The other origins whose pages may read the stream. See <see cref="SseOptions.AllowedOrigins"/>.</summary>
    /// <exception cref="ArgumentException">An entry is not an origin.</exception>
    public IReadOnlyList<string>? AllowedOrigins
    {
        get;
        init => field = value is null || SseCors.IsAllowed(value)
            ? value
            : throw new ArgumentException($"'{string.Join(' ', value)}' is not allowed; it must be {SseCors.Allowed}", nameof(value));
    }

    /// <summary>Bytes of a comment that follows the opening <c>retry:</c> frame: 0 to 65,536. See <see cref="SseOptions.Padding"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is outside of the range.</exception>
    public int? Padding
    {
        get;
        init => field = value is null or >= 0 and <= SseOptions.MaxPadding ? value : throw new ArgumentOutOfRangeException(nameof(value), value, null);
    }

    private static TimeSpan? InRange(TimeSpan? value, TimeSpan min, TimeSpan max) =>
        value is null || (value >= min && value <= max) ? value : throw new ArgumentOutOfRangeException(nameof(value), value, $"It must be from {min:g} to {max:g}.");
}
