using FuncSse.Topics;
using FuncSse.Topics.AzureStorage;

namespace FuncSse.Tests.Topics;

/// <summary>When the log in the storage is polled.</summary>
[Trait("Category", "Fast")]
public sealed class PollScheduleTests
{
    [Fact]
    public async Task End_that_the_storage_has_lost_is_looked_for_once()
    {
        var time = new ManualTimeProvider();
        var polls = new PollSchedule(TimeSpan.FromSeconds(1), time);
        var after = new LogPosition("e", 1, 10);
        polls.OnAppended(after with { Offset = 20 });
        await polls.WaitAsync(after, TestContext.Current.CancellationToken).WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken);
        Task next = polls.WaitAsync(after, TestContext.Current.CancellationToken);
        Assert.False(next.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(1));
        await next.WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken);
    }

    [Theory]
    [InlineData(0, 1000)]
    [InlineData(40, 960)]
    [InlineData(3000, 500)] // A slow service still gets a pause.
    public async Task Time_that_a_read_takes_does_not_delay_the_next_poll(int read, int wait)
    {
        var time = new ManualTimeProvider();
        var polls = new PollSchedule(TimeSpan.FromSeconds(1), time);
        var after = new LogPosition("e", 1, 10);
        Task first = polls.WaitAsync(after, TestContext.Current.CancellationToken);
        time.Advance(TimeSpan.FromSeconds(1));
        await first.WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken);
        polls.OnReading();
        time.Advance(TimeSpan.FromMilliseconds(read));
        Task next = polls.WaitAsync(after, TestContext.Current.CancellationToken);
        time.Advance(TimeSpan.FromMilliseconds(wait - 1));
        Assert.False(next.IsCompleted);
        time.Advance(TimeSpan.FromMilliseconds(1));
        await next.WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Poll_after_a_refusal_that_was_tried_again_comes_later_and_not_sooner()
    {
        var time = new ManualTimeProvider();
        var polls = new PollSchedule(TimeSpan.FromMilliseconds(400), time);
        var after = new LogPosition("e", 1, 10);
        polls.OnReading();
        polls.OnThrottled();
        time.Advance(TimeSpan.FromMilliseconds(500)); // The reader waits, and tries again.
        polls.OnReading();
        Task next = polls.WaitAsync(after, TestContext.Current.CancellationToken);
        time.Advance(TimeSpan.FromMilliseconds(599));
        Assert.False(next.IsCompleted);
        time.Advance(TimeSpan.FromMilliseconds(1));
        await next.WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken);
    }
}
