using FuncSse.Streaming;

namespace FuncSse.Tests;

/// <summary>An end at a time of day.</summary>
[Trait("Category", "Fast")]
public sealed class SseDeadlineTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(3600)]
    [InlineData(100 * 86_400)] // Longer than a timer can wait.
    public void End_comes_once_and_not_before_its_time(int seconds)
    {
        var time = new ManualTimeProvider();
        int passed = 0;
        using var deadline = new SseDeadline(time, time.GetUtcNow().AddSeconds(seconds), () => passed++);
        time.Advance(TimeSpan.FromSeconds(seconds) - TimeSpan.FromTicks(1));
        Assert.Equal(0, passed);
        time.Advance(TimeSpan.FromTicks(1));
        Assert.Equal(1, passed);
        time.Advance(TimeSpan.FromDays(2));
        Assert.Equal(1, passed);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public void End_that_is_past_comes_at_once(int seconds)
    {
        var time = new ManualTimeProvider();
        int passed = 0;
        using var deadline = new SseDeadline(time, time.GetUtcNow().AddSeconds(seconds), () => passed++);
        Assert.Equal(1, passed);
    }

    [Fact]
    public void End_that_nobody_waits_for_does_not_come()
    {
        var time = new ManualTimeProvider();
        int passed = 0;
        new SseDeadline(time, time.GetUtcNow().AddSeconds(1), () => passed++).Dispose();
        time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(0, passed);
    }
}
