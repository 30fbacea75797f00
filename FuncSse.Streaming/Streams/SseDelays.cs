namespace FuncSse.Streaming;

/// <summary>Times that all streams share. Most are drawn at random, so that what began together does not all come back together.</summary>
internal static class SseDelays
{
    /// <summary>How long the response of a stream that has ended waits for its feed to clean up, unless the host stops.</summary>
    public static readonly TimeSpan FeedGrace = TimeSpan.FromSeconds(30);

    /// <summary>How long it waits when the host stops: Azure Functions kills a worker after 5 s, and after 2 s where a time-out has passed.</summary>
    public static readonly TimeSpan HurriedFeedGrace = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How long a client waits whose stream was merely renewed. As good as at once, yet no storm should the server be gone when it returns:
    /// clients repeat a failed attempt at this pace.
    /// </summary>
    public static readonly TimeSpan Renewal = TimeSpan.FromMilliseconds(100);

    /// <summary>How long a stream lasts: 80–100 % of its longest lifetime.</summary>
    public static TimeSpan Lifetime(TimeSpan longest) => longest * Between(0.8, 1);

    /// <summary>How long a client waits whose host is going away: one to five times its <c>retry</c>.</summary>
    public static TimeSpan HostGone(TimeSpan retry) => retry * Between(1, 5);

    /// <summary>How long a client waits that was refused: ten to thirty times its <c>retry</c>.</summary>
    public static TimeSpan Refusal(TimeSpan retry) => retry * Between(10, 30);

    private static double Between(double min, double max) => min + (max - min) * Random.Shared.NextDouble();
}
