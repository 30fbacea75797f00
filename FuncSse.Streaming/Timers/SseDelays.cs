namespace FuncSse.Streaming;

/// <summary>
/// Waits that all streams share. Most are chosen at random, so that clients whose streams began together do not return together.
/// </summary>
internal static class SseDelays
{
    /// <summary>How long a stream that has ended waits for its feed to clean up, unless the host stops.</summary>
    public static readonly TimeSpan FeedGrace = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long that wait is when the host stops. Azure Functions kills a worker 5 s after it was told to stop, and 2 s after a function's
    /// time-out.
    /// </summary>
    public static readonly TimeSpan ShortFeedGrace = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How long a client waits when its stream has reached its lifetime. This is nearly immediate, but avoids a reconnect storm if the
    /// server is gone: clients repeat a failed attempt at this pace.
    /// </summary>
    public static readonly TimeSpan Renewal = TimeSpan.FromMilliseconds(100);

    /// <summary>How long a stream lasts: 80–100 % of its longest lifetime.</summary>
    public static TimeSpan Lifetime(TimeSpan longest) => longest * Between(0.8, 1);

    /// <summary>How long a client waits when its host is going away: one to five times its <c>retry</c>.</summary>
    public static TimeSpan HostGone(TimeSpan retry) => retry * Between(1, 5);

    /// <summary>How long a client waits when it was refused: ten to thirty times its <c>retry</c>.</summary>
    public static TimeSpan Refusal(TimeSpan retry) => retry * Between(10, 30);

    private static double Between(double min, double max) => min + (max - min) * Random.Shared.NextDouble();
}
