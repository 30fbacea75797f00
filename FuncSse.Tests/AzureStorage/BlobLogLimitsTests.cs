using System.Globalization;
using FuncSse.Topics;
using FuncSse.Topics.AzureStorage;

namespace FuncSse.Tests.Topics;

/// <summary>When the log in the storage begins a new segment.</summary>
[Trait("Category", "Fast")]
public sealed class BlobLogLimitsTests
{
    [Theory]
    [InlineData("1.00:00:00", 100L << 20, 45_000, 100L << 17, "06:00:00", "00:01:00")]
    [InlineData("00:05:00", 1L << 10, 45_000, 256L << 10, "00:01:15", "00:00:30")]
    [InlineData("00:10:00", 100L << 30, 45_000, 64L << 20, "00:02:30", "00:01:00")]
    public void Segments_are_a_part_of_what_is_kept(string retention, long size, int blocks, long bytes, string age, string interval)
    {
        var options = new TopicOptions { Retention = Parse(retention), MaxLogSize = size };
        Assert.Equal(new BlobLogLimits(blocks, bytes, Parse(age), Parse(interval)), BlobLogLimits.For(options));
    }

    private static TimeSpan Parse(string time) => TimeSpan.Parse(time, CultureInfo.InvariantCulture);
}
