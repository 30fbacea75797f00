using System.Threading.RateLimiting;

namespace FuncSse.Topics;

/// <summary>Limits the rate at which each key publishes over HTTP in this process.</summary>
internal sealed class PublishRate(TopicOptions options) : IDisposable
{
    private readonly PartitionedRateLimiter<string>? _limiter = options.MaxPublishRate is { } rate
        ? PartitionedRateLimiter.Create<string, string>(key => RateLimitPartition.GetTokenBucketLimiter(key, _ => new TokenBucketRateLimiterOptions
        {
            TokenLimit = rate,
            TokensPerPeriod = rate,
            ReplenishmentPeriod = TimeSpan.FromSeconds(1),
        }))
        : null;

    /// <summary>Takes one event from the key's allowance; <see langword="false"/> if none is left in this second.</summary>
    /// <param name="key">
    /// The key of the options that the request has. All requests without one share an allowance: a key that only the app has checked cannot be told
    /// from one that is made up for each request.
    /// </param>
    public bool TryTake(string? key)
    {
        if (_limiter is null)
        {
            return true;
        }

        using RateLimitLease lease = _limiter.AttemptAcquire(key ?? "");
        return lease.IsAcquired;
    }

    public void Dispose() => _limiter?.Dispose();
}
