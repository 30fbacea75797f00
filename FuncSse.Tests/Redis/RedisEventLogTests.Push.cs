using System.Diagnostics;
using FuncSse.Topics;
using FuncSse.Topics.Redis;
using StackExchange.Redis;

namespace FuncSse.Tests.Topics;

// What Redis pushes to the instances, and what they still ask for.
public sealed partial class RedisEventLogTests
{
    [Fact]
    public async Task Reader_asks_for_nothing_while_there_is_nothing()
    {
        RedisLog log = Log();
        TopicNode node = log.Node();
        using SubscriptionReader reader = log.Node().Subscribe("t");
        await reader.NextAsync();
        await node.PublishAsync("t", "1");
        Assert.Equal("1", await reader.DataAsync());
        long before = await redis.Server.CountScriptsAsync();
        await Task.Delay(1500, Cancelled); // The time in which nothing may be asked.
        Assert.InRange(await redis.Server.CountScriptsAsync() - before, 0, 3);
    }

    [Fact]
    public async Task Event_costs_an_append_and_no_look_of_a_reader()
    {
        RedisLog log = Log();
        TopicNode node = log.Node();
        using SubscriptionReader reader = log.Node().Subscribe("t");
        await reader.NextAsync();
        await node.PublishAsync("t", "0");
        Assert.Equal("0", await reader.DataAsync());
        long before = await redis.Server.CountScriptsAsync();
        for (int number = 1; number <= 20; number++)
        {
            await node.PublishAsync("t", $"{number}");
            Assert.Equal($"{number}", await reader.DataAsync());
        }

        Assert.InRange(await redis.Server.CountScriptsAsync() - before, 20, 30); // A few that look rarely, or trim.
    }

    [Fact]
    public async Task Process_that_follows_nothing_gets_no_messages()
    {
        RedisLog log = Log();
        var time = new ManualTimeProvider();
        TopicNode node = log.Node(), other = log.Node(time);
        await node.PublishAsync("t", "1");
        Assert.Equal(0, await SubscribersAsync());
        for (int round = 0; round < 2; round++)
        {
            using (SubscriptionReader reader = other.Subscribe("t"))
            {
                await reader.NextAsync();
                await Eventually.TrueAsync(async () => await SubscribersAsync() == 1);
                await node.PublishAsync("t", "2");
                Assert.Equal("2", await reader.DataAsync());
            }

            await Eventually.TrueAsync(async () =>
            {
                time.Advance(TimeSpan.FromSeconds(11)); // Once the hub has stopped.
                await node.PublishAsync("t", "3");
                return await SubscribersAsync() == 0;
            });
        }

        async Task<int> SubscribersAsync() => int.Parse(
            (await redis.Server.CommandAsync("PUBSUB", "NUMSUB", $"{log.Key}:appended")).Split('\n')[^1], System.Globalization.CultureInfo.InvariantCulture);
    }

    [Theory]
    [InlineData(1_000, true)]
    [InlineData(15_000, true)]
    [InlineData(17_000, false)]
    public async Task Large_events_are_only_announced(int size, bool isPushed)
    {
        RedisLog log = Log();
        await using ConnectionMultiplexer client = await ConnectionMultiplexer.ConnectAsync(redis.Server.Configuration);
        ChannelMessageQueue messages = await client.GetSubscriber().SubscribeAsync(RedisChannel.Literal($"{log.Key}:appended"));
        using SubscriptionReader reader = log.Node().Subscribe("t");
        await reader.NextAsync();
        string data = new('x', size);
        await log.Node().PublishAsync("t", data);
        Assert.Equal(data, await reader.DataAsync());
        string message = (await messages.ReadAsync(Cancelled).AsTask().WaitAsync(TopicNode.Limit, Cancelled)).Message.ToString();
        Assert.Equal(isPushed, message.Contains(data, StringComparison.Ordinal));
    }

    // With their line ends they are in two entries.
    [Theory]
    [InlineData(8192, 8192)]
    [InlineData(300, 16_084)]
    [InlineData(16_284, 100)]
    public async Task Records_of_16_KB_without_their_line_ends_come_as_they_are_in_the_log(int first, int second)
    {
        RedisLog log = Log();
        TopicNode node = log.Node();
        using SubscriptionReader reader = log.Node().Subscribe("t");
        await reader.NextAsync();
        await node.AppendAsync([Line(1, 100)]);
        await reader.NextAsync();
        foreach (LogPosition end in await node.AppendAsync([Line(2, first), Line(3, second)]))
        {
            Assert.Equal($"{end}", SubscriptionReader.Id(await reader.NextAsync()));
        }
    }

    [Fact]
    public async Task Message_that_is_missing_costs_one_look_at_the_log_and_no_event()
    {
        string silent = $"u{Guid.NewGuid():N}";
        Assert.Equal("OK", await redis.Server.CommandAsync("ACL", "SETUSER", silent, "on", ">secret", "~*", "&*", "+@all", "-publish"));
        RedisLog log = Log();
        TopicNode node = log.Node();
        using SubscriptionReader reader = log.Node().Subscribe("t");
        await reader.NextAsync();
        await node.PublishAsync("t", "1");
        Assert.Equal("1", await reader.DataAsync());
        var options = new TopicOptions { Redis = $"{redis.Server.Configuration},user={silent},password=secret", Name = log.Options.Name };
        await using var instance = new RedisEventLog(options, null, TimeProvider.System, log.Logger);
        await using (var other = new TopicNode(instance, options))
        {
            await other.PublishAsync("t", "2");
        }

        long published = Stopwatch.GetTimestamp();
        await node.PublishAsync("t", "3");
        Assert.Equal("2", await reader.DataAsync());
        Assert.Equal("3", await reader.DataAsync());
        Assert.InRange(Stopwatch.GetElapsedTime(published), TimeSpan.Zero, TimeSpan.FromSeconds(1));
    }

    [Theory]
    [InlineData(1, 20_000, 1)] // A small event, and one that is only announced.
    [InlineData(40, 12_000, 40)] // More than one page, all of it pushed.
    public async Task What_came_while_the_reader_was_busy_is_read_at_once(int small, int size, int count)
    {
        RedisLog log = Log();
        TopicNode node = log.Node();
        RedisEventLog reader = log.Create();
        LogPosition position = await reader.GetEndAsync(Cancelled).WaitAsync(TopicNode.Limit, Cancelled);
        await reader.WaitAsync(position, Cancelled).WaitAsync(TopicNode.Limit, Cancelled); // It subscribes.
        await Task.Delay(5500, Cancelled); // Just after the connection has changed, a reader looks each second.
        if (small == 1)
        {
            await node.PublishAsync("t", "small");
        }

        for (int number = 0; number < count; number++)
        {
            await node.PublishAsync("t", new string('x', size));
        }

        await Task.Delay(500, Cancelled); // All messages have come.
        int expected = small == 1 ? count + 1 : count;
        long began = Stopwatch.GetTimestamp();
        for (int read = 0; read < expected;)
        {
            // As the hub does.
            await reader.WaitAsync(position, Cancelled).WaitAsync(TopicNode.Limit, Cancelled);
            LogPage page;
            do
            {
                page = await reader.ReadAsync(position, EventPage.TargetSize, Cancelled).WaitAsync(TopicNode.Limit, Cancelled);
                (position, read) = (page.Next, read + page.Records.Count);
            }
            while (page.Records.Count > 0 && page.HasMore);
        }

        Assert.InRange(Stopwatch.GetElapsedTime(began), TimeSpan.Zero, TimeSpan.FromSeconds(1));
    }
}
