using FuncSse.Topics;

namespace FuncSse.Tests.Topics;

/// <summary>The log in memory: what every log does, and its bounds.</summary>
[Trait("Category", "Fast")]
public sealed class MemoryEventLogTests : EventLogSpecification
{
    private protected override IEventLog CreateLog(TopicOptions? options = null) =>
        new MemoryEventLog(options ?? new TopicOptions(), TimeProvider.System);

    [Fact]
    public async Task What_is_past_retention_is_gone_but_its_end_is_known()
    {
        var time = new ManualTimeProvider();
        await using var node = new TopicNode(new MemoryEventLog(new TopicOptions { Retention = TimeSpan.FromMinutes(1) }, time), time: time);
        string first = await node.PublishAsync("t", "1");
        string second = await node.PublishAsync("t", "2");
        time.Advance(TimeSpan.FromSeconds(61));
        string third = await node.PublishAsync("t", "3");
        Assert.Equal(PositionState.Expired, await node.StateAsync(first));
        Assert.Equal(third, Assert.Single(await node.ReadAsync(second)).Id);
        Assert.Equal(second, await node.EarliestAsync());
    }

    [Fact]
    public async Task Values_of_recorded_streams_expire()
    {
        var time = new ManualTimeProvider();
        TopicOptions options = new TopicOptions { Retention = TimeSpan.FromMinutes(20) }.WithValuesThatExpire("runs");
        await using var node = new TopicNode(new MemoryEventLog(options, time), options, time);
        await node.PublishAsync("t", "1", retain: true);
        time.Advance(TimeSpan.FromMinutes(20));
        Assert.Single((await node.Log.ReadValuesAsync(new TopicSet(["t"]), 10, TestContext.Current.CancellationToken))!);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Empty((await node.Log.ReadValuesAsync(new TopicSet(["t"]), 10, TestContext.Current.CancellationToken))!);
    }

    [Fact]
    public async Task Log_is_bounded_in_bytes()
    {
        await using var node = new TopicNode(new MemoryEventLog(new TopicOptions { MaxLogSize = 10_000 }, TimeProvider.System));
        string first = await node.PublishAsync("t", "1");
        for (int number = 0; number < 100; number++)
        {
            await node.PublishAsync("t", new string('x', 1000));
        }

        Assert.Equal(PositionState.Expired, await node.StateAsync(first));
        Assert.InRange((await node.ReadAsync(await node.EarliestAsync())).Count, 5, 10);
    }

    [Fact]
    public async Task Epoch_is_new_with_each_process()
    {
        await using var node = new TopicNode(CreateLog());
        await using var other = new TopicNode(CreateLog());
        Assert.Equal(PositionState.Unknown, await other.StateAsync(await node.PublishAsync("t", "1")));
    }
}
