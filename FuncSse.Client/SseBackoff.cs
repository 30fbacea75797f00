namespace FuncSse.Client;

/// <summary>How long the client waits before it reconnects.</summary>
internal sealed class SseBackoff(SseClientOptions options)
{
    // A server that says retry: 0 and sends no event is not flooded.
    private static readonly TimeSpan s_leastWithoutEvent = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_maxRetryAfter = TimeSpan.FromMinutes(5);

    private TimeSpan _retry = options.Retry;
    private bool _hasEvent;

    /// <summary>How many attempts have failed since the last event.</summary>
    public int Failures { get; private set; }

    /// <summary>Says how a connection ended that was open.</summary>
    /// <param name="retry">What the server named with <c>retry:</c>; negative if it named nothing.</param>
    /// <param name="hasEvent">Whether an event came.</param>
    public void Ended(TimeSpan retry, bool hasEvent)
    {
        _retry = retry < TimeSpan.Zero ? _retry : Least(retry, SseClientOptions.MaxWait);
        _hasEvent = hasEvent;
        Failures = hasEvent ? 0 : Failures;
    }

    /// <param name="fault">Why the connection was lost, or <see langword="null"/> if it ended as it should.</param>
    /// <param name="now">The time, which a <c>Retry-After</c> may refer to.</param>
    public TimeSpan Next(Exception? fault, DateTimeOffset now)
    {
        TimeSpan wait = _hasEvent || _retry > s_leastWithoutEvent ? _retry : s_leastWithoutEvent;
        _hasEvent = false;
        if (fault is not null && Failures++ > 0 && wait < options.MaxBackoff)
        {
            TimeSpan doubled = Least(wait * Math.Pow(2, Math.Min(Failures - 1, 30)), options.MaxBackoff);
            wait = doubled * (0.5 + (Random.Shared.NextDouble() / 2));
        }

        TimeSpan? after = fault is SseUnavailableException { RetryAfter: { } header } ? header.Delta ?? header.Date - now : null;
        return after > TimeSpan.Zero ? Least(after.Value, s_maxRetryAfter) : wait;
    }

    private static TimeSpan Least(TimeSpan one, TimeSpan other) => one < other ? one : other;
}
