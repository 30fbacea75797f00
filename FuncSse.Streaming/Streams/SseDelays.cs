namespace FuncSse.Streaming;

/// <summary>The times that are drawn at random, so that what began together does not all come back together.</summary>
internal static class SseDelays
{
    /// <summary>
    /// What a client waits whose stream was merely renewed. As good as at once, yet no storm should the server be gone when it returns:
    /// clients repeat a failed attempt at this pace.
    /// </summary>
    public static readonly TimeSpan Renewal = TimeSpan.FromMilliseconds(100);

    /// <summary>How long a stream lasts: 80–100 % of <see cref="SseOptions.MaxDuration"/>.</summary>
    public static TimeSpan Lifetime(SseOptions options) => options.MaxDuration * Between(0.8, 1);

    /// <summary>What a client waits whose host is going away, or whose feed failed: one to five times <see cref="SseOptions.Retry"/>.</summary>
    public static TimeSpan HostGone(SseOptions options) => options.Retry * Between(1, 5);

    /// <summary>What a client waits that was refused: ten to thirty times <see cref="SseOptions.Retry"/>.</summary>
    public static TimeSpan Refusal(SseOptions options) => options.Retry * Between(10, 30);

    private static double Between(double min, double max) => min + (max - min) * Random.Shared.NextDouble();
}
