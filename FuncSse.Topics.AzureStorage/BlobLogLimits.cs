namespace FuncSse.Topics.AzureStorage;

/// <summary>When the log goes on in a new segment, and how often an instance looks after it.</summary>
/// <param name="MaxBlocks">An append blob takes 50,000 blocks; several instances may append before one of them rolls.</param>
/// <param name="MaxSegmentBytes">Whole segments are deleted, so a part of what may be kept.</param>
/// <param name="MaxSegmentAge">Likewise, of the time.</param>
/// <param name="UpkeepInterval">The time between two looks at age and size of the segments.</param>
internal sealed record BlobLogLimits(int MaxBlocks, long MaxSegmentBytes, TimeSpan MaxSegmentAge, TimeSpan UpkeepInterval)
{
    private static readonly TimeSpan s_longestInterval = TimeSpan.FromMinutes(1);

    public static BlobLogLimits For(TopicOptions options)
    {
        TimeSpan tenth = options.Retention / 10;
        return new BlobLogLimits(
            45_000,
            Math.Min(64L << 20, Math.Max(256L << 10, options.MaxLogSize / 8)),
            options.Retention / 4,
            tenth < s_longestInterval ? tenth : s_longestInterval);
    }
}
