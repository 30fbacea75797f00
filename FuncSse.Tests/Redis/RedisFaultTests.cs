using System.Collections.Concurrent;
using System.Diagnostics;
using FuncSse.Topics;

namespace FuncSse.Tests.Topics;

/// <summary>A Redis that is killed, hangs, forgets or is replaced, under instances that publish and serve.</summary>
public sealed class RedisFaultTests
{
    // What Redis' return may take to be seen, and what a machine under load adds.
    private static readonly TimeSpan s_back = TimeSpan.FromSeconds(3 + 3);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Redis_that_writes_each_answer_to_disk_loses_nothing_acknowledged_when_it_is_killed_under_load()
    {
        await using RedisServer redis = await Redis.StartAsync(RedisServer.WithAppendOnlyFile);
        await using var log = new RedisLog(redis);
        TopicNode[] publishers = [log.Node(), log.Node()];
        TopicNode other = log.Node();
        string earliest = await other.EarliestAsync();
        using SubscriptionReader reader = other.Subscribe("t");
        await reader.NextAsync();
        var acknowledged = new ConcurrentBag<(string Id, string Data)>();
        using var stop = new CancellationTokenSource();
        Task[] load = [.. publishers.Select((node, index) => Task.Run(() => PublishAsync(node, $"{index}", acknowledged, stop.Token), Cancelled))];
        for (int round = 0; round < 3; round++)
        {
            int before = acknowledged.Count;
            await Eventually.TrueAsync(() => acknowledged.Count > before + 200);
            await redis.KillAsync();
            await Task.Delay(300, Cancelled); // The length of the outage.
            await redis.StartAsync();
            before = acknowledged.Count;
            long back = Stopwatch.GetTimestamp();
            await Eventually.TrueAsync(() => acknowledged.Count > before);
            Assert.InRange(Stopwatch.GetElapsedTime(back), TimeSpan.Zero, s_back);
        }

        await stop.CancelAsync();
        await Task.WhenAll(load).WaitAsync(TopicNode.Limit, Cancelled);
        string last = await publishers[0].PublishAsync("t", "last");

        IReadOnlyList<(string Id, string Data)> all = await publishers[0].ReadAsync(earliest);
        Assert.Equal(all.Count, all.Select(one => one.Data).Distinct().Count());
        Assert.Empty(acknowledged.Except(all));
        var seen = new List<(string, string)>();
        do
        {
            string frame = await reader.NextAsync();
            seen.Add((SubscriptionReader.Id(frame), TopicNode.Data(System.Text.Encoding.UTF8.GetBytes(frame))));
        }
        while (seen[^1].Item1 != last);
        Assert.Equal(all, seen);
    }

    [Fact]
    public async Task Redis_without_persistence_that_is_killed_resets_streams_and_goes_on()
    {
        await using RedisServer redis = await Redis.StartAsync();
        await using var log = new RedisLog(redis);
        TopicNode node = log.Node();
        using SubscriptionReader reader = log.Node().Subscribe("t");
        await reader.NextAsync();
        string before = await node.PublishAsync("t", "1");
        Assert.Equal("1", await reader.DataAsync());
        await redis.KillAsync();
        long away = Stopwatch.GetTimestamp();
        await Assert.ThrowsAsync<EventLogUnavailableException>(() => node.PublishAsync("t", "lost"));
        Assert.InRange(Stopwatch.GetElapsedTime(away), TimeSpan.FromSeconds(9), TimeSpan.FromSeconds(12));
        await redis.StartAsync();
        long back = Stopwatch.GetTimestamp();
        await node.PublishAsync("t", "2");
        Assert.Contains("\"unknown\"", await reader.NextAsync(), StringComparison.Ordinal);
        Assert.InRange(Stopwatch.GetElapsedTime(back), TimeSpan.Zero, s_back);
        Assert.Equal(PositionState.Unknown, await node.StateAsync(before));
        await node.PublishAsync("t", "3");
        await ReadUntilAsync(reader, "3");
    }

    [Fact]
    public async Task Redis_that_comes_back_with_an_older_snapshot_resets_who_stood_in_the_lost_part()
    {
        await using RedisServer redis = await Redis.StartAsync(RedisServer.WithSnapshots);
        await using var log = new RedisLog(redis);
        TopicNode node = log.Node();
        string kept = await node.PublishAsync("t", "1");
        await redis.CommandAsync("SAVE");
        using SubscriptionReader reader = node.Subscribe("t", kept);
        await reader.NextAsync();
        string lost = await node.PublishAsync("t", "2");
        Assert.Equal("2", await reader.DataAsync());
        await redis.KillAsync();
        await redis.StartAsync();
        string after = await node.PublishAsync("t", "3");
        Assert.Equal([(after, "3")], await node.ReadAsync(kept));
        Assert.Equal(PositionState.Unknown, await node.StateAsync(lost));
        await Eventually.TrueAsync(() => reader.Subscription.IsEnded);
        using SubscriptionReader back = node.Subscribe("t", lost);
        Assert.StartsWith("event: reset\n", await back.NextAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Acknowledged_event_that_the_disk_lost_is_unknown()
    {
        await using RedisServer redis = await Redis.StartAsync(RedisServer.WithAppendOnlyFile);
        await using var log = new RedisLog(redis);
        TopicNode node = log.Node();
        string kept = await node.PublishAsync("t", "1");
        string lost = await node.PublishAsync("t", "2");
        await redis.KillAsync();
        redis.CutAppendOnlyFile(10);
        await redis.StartAsync();
        string after = await node.PublishAsync("t", "3");
        Assert.Equal([(after, "3")], await node.ReadAsync(kept));
        Assert.Equal(PositionState.Unknown, await node.StateAsync(lost));
    }

    [Fact]
    public async Task End_that_the_disk_lost_is_looked_for_once()
    {
        await using RedisServer redis = await Redis.StartAsync(RedisServer.WithAppendOnlyFile);
        await using var log = new RedisLog(redis);
        TopicNode node = log.Node();
        using SubscriptionReader reader = node.Subscribe("t");
        await reader.NextAsync();
        await node.PublishAsync("t", "1");
        string lost = await node.PublishAsync("t", "2");
        Assert.Equal(["1", "2"], await reader.DataAsync(2));
        await redis.KillAsync();
        redis.CutAppendOnlyFile(10);
        await redis.StartAsync();
        await Eventually.TrueAsync(() => reader.Subscription.IsEnded);
        using SubscriptionReader back = node.Subscribe("t", lost);
        Assert.StartsWith("event: reset\n", await back.NextAsync(), StringComparison.Ordinal);
        long calls = await redis.CountScriptsAsync();
        await Task.Delay(1500, Cancelled); // The time in which nothing may be looked for again.
        Assert.InRange(await redis.CountScriptsAsync() - calls, 0, 10);
    }

    [Fact]
    public async Task Redis_that_does_not_answer_the_subscription_gets_no_connection_more_for_it()
    {
        await using RedisServer redis = await Redis.StartAsync();
        await using var proxy = new FaultyProxy(redis.Port)
        {
            Swallows = text => text.Contains("SUBSCRIBE", StringComparison.Ordinal) && text.Contains(":appended", StringComparison.Ordinal),
        };
        await using var log = new RedisLog(redis, new TopicOptions { Redis = $"127.0.0.1:{proxy.Port}" });
        TopicNode node = log.Node();
        using SubscriptionReader reader = node.Subscribe("t");
        await node.PublishAsync("t", "1");
        proxy.Swallows = _ => false;
        await node.PublishAsync("t", "2");
        await node.PublishAsync("t", "3");
        string clients = await redis.CommandAsync("CLIENT", "LIST");
        Assert.InRange(clients.Split('\n').Count(client => client.Contains("name=", StringComparison.Ordinal) && !client.Contains("cmd=client", StringComparison.Ordinal)), 1, 2);
    }

    [Fact]
    public async Task Large_events_behind_small_ones_are_not_read_all_at_once()
    {
        await using RedisServer redis = await Redis.StartAsync();
        await using var log = new RedisLog(redis);
        TopicNode node = log.Node();
        string earliest = await node.EarliestAsync();
        foreach (int size in (int[])[1, 60_000])
        {
            string data = new('x', size);
            await Task.WhenAll(Enumerable.Range(0, 300).Select(_ => node.PublishAsync("t", data))).WaitAsync(TopicNode.Limit, Cancelled);
        }

        Assert.Equal(600, (await node.ReadAsync(earliest)).Count);
        Assert.InRange(await redis.InfoAsync("memory", "used_memory_lua"), 0, 8 << 20);
    }

    [Fact]
    public async Task Redis_that_hangs_delays_publishers_and_repeats_nothing()
    {
        await using RedisServer redis = await Redis.StartAsync();
        await using var log = new RedisLog(redis);
        TopicNode node = log.Node();
        string earliest = await node.EarliestAsync();
        using SubscriptionReader reader = log.Node().Subscribe("t");
        await reader.NextAsync();
        await node.PublishAsync("t", "1");
        await redis.CommandAsync("CLIENT", "PAUSE", "5000", "ALL");
        string id = await node.PublishAsync("t", "2");
        await node.PublishAsync("t", "3");
        Assert.Equal(["1", "2", "3"], await reader.DataAsync(3));
        IReadOnlyList<(string Id, string Data)> all = await node.ReadAsync(earliest);
        Assert.Equal(["1", "2", "3"], all.Select(one => one.Data));
        Assert.Equal(id, all[1].Id);
    }

    [Fact]
    public async Task What_this_process_publishes_is_read_at_once_although_the_subscription_has_no_answer()
    {
        await using RedisServer redis = await Redis.StartAsync();
        await using var proxy = new FaultyProxy(redis.Port)
        {
            Swallows = text => text.Contains("SUBSCRIBE", StringComparison.Ordinal) && text.Contains(":appended", StringComparison.Ordinal),
        };
        await using var log = new RedisLog(redis, new TopicOptions { Redis = $"127.0.0.1:{proxy.Port}" });
        TopicNode node = log.Node();
        using SubscriptionReader reader = node.Subscribe("t");
        await reader.NextAsync();
        await Task.Delay(10_000, Cancelled); // The subscription is given up, and the connection has not changed for a while.
        await node.PublishAsync("t", "1");
        long published = Stopwatch.GetTimestamp();
        Assert.Equal("1", await reader.DataAsync());
        Assert.InRange(Stopwatch.GetElapsedTime(published), TimeSpan.Zero, TimeSpan.FromSeconds(1));
    }

    [Theory]
    [InlineData("resp2")]
    [InlineData("resp3")]
    public async Task Wake_up_that_is_lost_costs_seconds_and_no_event(string protocol)
    {
        await using RedisServer redis = await Redis.StartAsync();
        await using var log = new RedisLog(redis, new TopicOptions { Redis = $"{redis.Configuration},protocol={protocol}" });
        TopicNode node = log.Node();
        using SubscriptionReader reader = log.Node().Subscribe("t");
        await reader.NextAsync();
        for (int number = 0; number < 5; number++)
        {
            await redis.CommandAsync("CLIENT", "KILL", "TYPE", "pubsub");
            await node.PublishAsync("t", $"{number}");
            long published = Stopwatch.GetTimestamp();
            Assert.Equal($"{number}", await reader.DataAsync());
            Assert.InRange(Stopwatch.GetElapsedTime(published), TimeSpan.Zero, TimeSpan.FromSeconds(5 + 3));
        }
    }

    [Fact]
    public async Task App_that_starts_before_Redis_is_served_when_it_is_there()
    {
        await using var redis = new RedisServer();
        await using var log = new RedisLog(redis);
        TopicNode node = log.Node();
        TopicNode other = log.Node();
        using SubscriptionReader reader = other.Subscribe("t");
        Task<string> publish = node.PublishAsync("t", "early");
        await Eventually.TrueAsync(() => other.Logs.GetSnapshot().Any(entry => entry.Message.Contains("cannot be reached", StringComparison.Ordinal)));
        await redis.StartAsync();
        await publish.WaitAsync(TopicNode.Limit, Cancelled);
        Assert.StartsWith("event: position\n", await reader.NextAsync(), StringComparison.Ordinal);
        await Eventually.TrueAsync(async () => (await redis.CommandAsync("PUBSUB", "CHANNELS")).Contains(log.Key, StringComparison.Ordinal));
        await node.PublishAsync("t", "late");
        long published = Stopwatch.GetTimestamp();
        await ReadUntilAsync(reader, "late");
        Assert.InRange(Stopwatch.GetElapsedTime(published), TimeSpan.Zero, TimeSpan.FromSeconds(1));
    }

    // What was published about when the stream was reset may come before it.
    private static async Task ReadUntilAsync(SubscriptionReader reader, string data)
    {
        while (await reader.DataAsync() != data)
        {
        }
    }

    private static async Task PublishAsync(
        TopicNode node, string publisher, ConcurrentBag<(string Id, string Data)> acknowledged, CancellationToken stop)
    {
        for (int number = 0; !stop.IsCancellationRequested; number += 5)
        {
            await Task.WhenAll(Enumerable.Range(number, 5).Select(async one =>
            {
                try
                {
                    string data = $"{publisher} {one}";
                    acknowledged.Add((await node.PublishAsync("t", data), data));
                }
                catch (EventLogUnavailableException)
                {
                    // It may be in the log or not.
                }
            }));
            await Task.Delay(5, CancellationToken.None);
        }
    }
}
