namespace FuncSse.Topics.AzureStorage;

/// <summary>When the log begins a new segment, and how often an instance does the upkeep.</summary>
/// <param name="MaxBlocks">An append blob takes 50,000 blocks; several instances may append before one of them rolls.</param>
/// <param name="MaxSegmentBytes">A part of the size that is kept, because only whole segments are deleted.</param>
/// <param name="MaxSegmentAge">A part of the time for which events are kept, for the same reason.</param>
/// <param name="UpkeepInterval">The time between two checks of the age and the size of the segments.</param>
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
