using System.Security.Cryptography;
using System.Text;
using System.Threading.RateLimiting;
using Microsoft.AspNetCore.Http;

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
    public bool TryTake(HttpRequest request)
    {
        if (_limiter is null)
        {
            return true;
        }

        // The limiter keeps a hash and not the key.
        string key = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(PublishAccess.FindKey(request) ?? "")));
        using RateLimitLease lease = _limiter.AttemptAcquire(key);
        return lease.IsAcquired;
    }

    public void Dispose() => _limiter?.Dispose();
}
