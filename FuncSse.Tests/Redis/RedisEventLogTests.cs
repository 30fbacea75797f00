using FuncSse.Topics;
using FuncSse.Topics.Redis;
using Microsoft.Extensions.Logging;

namespace FuncSse.Tests.Topics;

/// <summary>The log in Redis: what every log does, on a real Redis, and the life of its stream.</summary>
public sealed partial class RedisEventLogTests(Redis redis) : EventLogSpecification, IClassFixture<Redis>, IAsyncDisposable
{
    private readonly List<RedisLog> _logs = [];

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private protected override IEventLog CreateLog(TopicOptions? options = null) => Log(options).Create();

    private protected override IEventLog OtherInstance(IEventLog log) => _logs[^1].Create();

    [Fact]
    public Task Values_outlive_the_log() => LoseLogAsync(() => redis.Server.CommandAsync("DEL", _logs[^1].Key));

    [Fact]
    public async Task Values_of_recorded_streams_expire()
    {
        RedisLog log = Log();
        var options = log.Options.WithValuesThatExpire(log.Options.Name);
        await using var instance = new RedisEventLog(options, null, TimeProvider.System, log.Logger);
        await using var node = new TopicNode(instance, options);
        string id = await node.PublishAsync("t", "1", retain: true);
        Assert.Equal(id, $"{Assert.Single((await instance.ReadValuesAsync(new TopicSet(["t"]), 10, Cancelled))!).End}");
        long left = long.Parse(await redis.Server.CommandAsync("PTTL", $"{log.Key}:values:t"), System.Globalization.CultureInfo.InvariantCulture);
        Assert.InRange(TimeSpan.FromMilliseconds(left), TimeSpan.FromMinutes(59), TimeSpan.FromHours(1));
    }

    [Fact]
    public async Task Instances_that_begin_at_the_same_time_agree_on_the_epoch()
    {
        RedisLog log = Log();
        LogPosition[] ends = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => log.Create().GetEndAsync(Cancelled)))
            .WaitAsync(TopicNode.Limit, Cancelled);
        Assert.Single(ends.Distinct());
    }

    [Fact]
    public async Task Instances_that_publish_at_once_are_read_in_one_order_by_all()
    {
        RedisLog log = Log();
        TopicNode[] nodes = [log.Node(), log.Node(), log.Node()];
        string earliest = await nodes[0].EarliestAsync();
        string[][] ids = await Task.WhenAll(nodes.Select(async (node, index) =>
        {
            var own = new List<string>();
            for (int number = 0; number < 50; number++)
            {
                own.Add(await node.PublishAsync("t", $"{index}-{number}"));
            }

            return own.ToArray();
        })).WaitAsync(TopicNode.Limit, Cancelled);
        IReadOnlyList<(string Id, string Data)> all = await nodes[0].ReadAsync(earliest);
        Assert.Equal(ids.SelectMany(own => own).Order(), all.Select(one => one.Id).Order());
        Assert.All(ids, own => Assert.Equal(own, all.Select(one => one.Id).Where(own.Contains)));
        Assert.Equal(all, await nodes[1].ReadAsync(earliest));
        await EveryReaderAgreesAsync(nodes[2], earliest);
    }

    [Fact]
    public async Task What_is_past_retention_is_trimmed_by_the_clock_of_Redis_and_its_end_is_known()
    {
        // The clock of these instances is an hour ahead; the retention is a second of Redis'.
        var time = new OffsetTimeProvider(TimeSpan.FromHours(1));
        RedisLog log = Log(new TopicOptions { Retention = TimeSpan.FromSeconds(1) });
        TopicNode node = log.Node(time);
        string first = await node.PublishAsync("t", "1");
        string second = await node.PublishAsync("t", "2");
        Assert.Equal(PositionState.Known, await node.StateAsync(first));
        await Task.Delay(1100, Cancelled); // The clock is that of Redis.
        await TrimAsync(log);
        await Eventually.TrueAsync(async () => await node.StateAsync(first) == PositionState.Expired);
        Assert.Equal(PositionState.Known, await node.StateAsync(second));
        Assert.Equal(second, await node.EarliestAsync());
        string third = await node.PublishAsync("t", "3");
        Assert.Equal([third], (await node.ReadAsync(second)).Select(one => one.Id));
        Assert.Equal(second, await node.EarliestAsync());
        await Eventually.TrueAsync(() => node.Log.OldestAge is not null);
    }

    [Fact]
    public async Task Appending_trims_what_is_past_retention()
    {
        RedisLog log = Log(new TopicOptions { Retention = TimeSpan.FromSeconds(1) });
        var time = new ManualTimeProvider();
        TopicNode node = log.Node(time);
        string[] ids = await Task.WhenAll(Enumerable.Range(0, 500).Select(number => node.PublishAsync("t", $"{number}")));
        await Task.Delay(1100, Cancelled); // The clock is that of Redis.
        time.Advance(TimeSpan.FromSeconds(30));
        string last = await node.PublishAsync("t", "last");
        await Eventually.TrueAsync(async () => await node.EarliestAsync() == ids[^1]);
        Assert.Equal(PositionState.Expired, await node.StateAsync(ids[0]));
        Assert.Equal([last], (await node.ReadAsync(ids[^1])).Select(one => one.Id));
    }

    [Fact]
    public async Task Log_is_bounded_in_bytes()
    {
        RedisLog log = Log(new TopicOptions { MaxLogSize = 50_000 });
        TopicNode node = log.Node();
        string first = await node.PublishAsync("t", "1");
        for (int number = 0; number < 100; number++)
        {
            await node.PublishAsync("t", new string('x', 1000));
        }

        await TrimAsync(log);
        await Eventually.TrueAsync(async () => (await node.ReadAsync(await node.EarliestAsync())).Count is >= 35 and <= 50);
        Assert.Equal(PositionState.Expired, await node.StateAsync(first));
    }

    [Fact]
    public async Task Trimming_keeps_about_the_size_also_if_a_burst_is_followed_by_single_events()
    {
        const int Size = 2_000_000;
        RedisLog log = Log(new TopicOptions { MaxLogSize = Size });
        TopicNode node = log.Node();
        await node.AppendAsync([.. Enumerable.Range(1, 4000).Select(number => Line(number, 200))]);
        await node.AppendAsync([.. Enumerable.Range(4001, 4000).Select(number => Line(number, 200))]);
        for (int number = 8001; number < 11_000; number++)
        {
            await node.AppendAsync([Line(number, 200)]);
        }

        await TrimAsync(log);
        await Eventually.TrueAsync(async () =>
            (await node.ReadAsync(await node.EarliestAsync())).Count is > Size / 200 * 6 / 10 and < Size / 200); // An entry counts 64 bytes more.
    }

    [Fact]
    public async Task Position_that_is_gone_costs_no_page()
    {
        RedisLog log = Log();
        TopicNode node = log.Node();
        string gone = $"{(await node.AppendAsync([Line(1, 100)]))[0]}";
        await node.AppendAsync([.. Enumerable.Range(2, 1000).Select(number => Line(number, 1000))]);
        await redis.Server.CommandAsync("XTRIM", log.Key, "MAXLEN", "50");
        long before = await redis.Server.InfoAsync("stats", "total_net_output_bytes");
        Assert.Equal(PositionState.Expired, await node.StateAsync(gone));
        Assert.InRange(await redis.Server.InfoAsync("stats", "total_net_output_bytes") - before, 0, 16_000);
    }

    [Theory]
    [InlineData(127)]
    [InlineData(1023)]
    public async Task Memory_is_what_is_counted_and_a_tenth(int size)
    {
        RedisLog log = Log();
        TopicNode node = log.Node();
        await node.EarliestAsync();
        long before = await redis.Server.InfoAsync("memory", "used_memory");
        for (int batch = 0; batch < 10; batch++)
        {
            await node.AppendAsync([.. Enumerable.Range(1 + (batch * 4000), 4000).Select(number => Line(number, size))]);
        }

        long counted = long.Parse(await redis.Server.CommandAsync("HGET", $"{log.Key}:log", "bytes"), System.Globalization.CultureInfo.InvariantCulture);
        Assert.InRange(await redis.Server.InfoAsync("memory", "used_memory") - before, counted * 0.9, counted * 1.1);
    }

    [Fact]
    public async Task Whoever_trims_the_end_is_known()
    {
        RedisLog log = Log();
        TopicNode node = log.Node();
        string first = await node.PublishAsync("t", "1");
        string second = await node.PublishAsync("t", "2");
        string third = await node.PublishAsync("t", "3");
        await redis.Server.CommandAsync("XTRIM", log.Key, "MAXLEN", "1");
        Assert.Equal(PositionState.Expired, await node.StateAsync(first));
        Assert.Equal([third], (await node.ReadAsync(second)).Select(one => one.Id));
        await redis.Server.CommandAsync("XTRIM", log.Key, "MAXLEN", "0");
        Assert.Equal(PositionState.Expired, await node.StateAsync(second));
        Assert.Empty(await node.ReadAsync(third));
        Assert.Equal(third, await node.EarliestAsync());
    }

    [Fact]
    public async Task Record_that_another_program_deletes_is_a_loss_that_is_told()
    {
        RedisLog log = Log();
        TopicNode node = log.Node();
        string first = await node.PublishAsync("t", "1");
        string second = await node.PublishAsync("t", "2");
        string third = await node.PublishAsync("t", "3");
        await redis.Server.CommandAsync("XDEL", log.Key, RedisEntry.Id(Parse(second)));
        Assert.Equal(PositionState.Unknown, await node.StateAsync(first));
        Assert.Equal([third], (await node.ReadAsync(second)).Select(one => one.Id));
    }

    [Fact]
    public async Task Records_of_an_append_share_entries_of_a_bounded_size()
    {
        RedisLog log = Log();
        TopicNode node = log.Node();
        await node.AppendAsync([.. Enumerable.Range(1, 200).Select(number => TopicNode.Record(number, new string('x', 1000)))]);
        int entries = int.Parse(await redis.Server.CommandAsync("XLEN", log.Key), System.Globalization.CultureInfo.InvariantCulture);
        Assert.InRange(entries, 200_000 / RedisEntry.MaxSize, 20);
    }

    [Fact]
    public async Task What_another_program_adds_is_passed_over()
    {
        RedisLog log = Log();
        TopicNode node = log.Node();
        string earliest = await node.EarliestAsync();
        for (int number = 0; number < 3; number++)
        {
            await redis.Server.CommandAsync("XADD", log.Key, "*", "p", "x");
        }

        Assert.Equal(earliest, await node.EarliestAsync());
        string first = await node.PublishAsync("t", "1");
        await redis.Server.CommandAsync("XADD", log.Key, "*", "a", "b");
        Assert.Empty(await node.ReadAsync(first));
        string second = await node.PublishAsync("t", "2");
        Assert.Equal([first, second], (await node.ReadAsync(earliest)).Select(one => one.Id));
        await EveryReaderAgreesAsync(node, earliest);
    }

    [Fact]
    public async Task Repeated_append_counts_once_also_if_another_program_adds_something_behind_it()
    {
        RedisLog log = Log();
        TopicNode node = log.Node();
        NumberedRecord[] records = [TopicNode.Record(1, "1"), TopicNode.Record(2, new string('x', RedisEntry.MaxSize))];
        IReadOnlyList<LogPosition> ends = await node.AppendAsync(records);
        await redis.Server.CommandAsync("XADD", log.Key, "*", "a", "b");
        Assert.Equal(ends, await node.AppendAsync(records));
        Assert.Equal([ends[1]], await node.AppendAsync([records[1]]));
    }

    [Theory]
    [InlineData("FLUSHALL")]
    [InlineData("DEL")]
    public async Task Stream_that_is_deleted_begins_anew_and_subscribers_are_told(string command)
    {
        RedisLog log = Log();
        TopicNode node = log.Node();
        using SubscriptionReader reader = log.Node().Subscribe("t");
        await reader.NextAsync();
        string before = await node.PublishAsync("t", "1");
        Assert.Equal("1", await reader.DataAsync());
        await redis.Server.CommandAsync(command == "DEL" ? ["DEL", log.Key] : [command]);
        string after = await node.PublishAsync("t", "2");
        Assert.NotEqual(Parse(before).Epoch, Parse(after).Epoch);
        Assert.Equal(PositionState.Unknown, await node.StateAsync(before));
        Assert.Equal(PositionState.Known, await node.StateAsync(after));
        Assert.StartsWith("event: reset\n", await reader.NextAsync(), StringComparison.Ordinal);
        await node.PublishAsync("t", "3");
        Assert.Equal("3", await reader.DataAsync());
    }

    [Fact]
    public async Task Policy_that_deletes_events_is_told_of()
    {
        RedisLog log = Log();
        await log.Create().GetEndAsync(Cancelled).WaitAsync(TopicNode.Limit, Cancelled);
        Assert.Empty(log.Logger.Collector.GetSnapshot().Select(record => $"{record.Message} {record.Exception}"));
        await redis.Server.CommandAsync("CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
        try
        {
            await log.Create().GetEndAsync(Cancelled).WaitAsync(TopicNode.Limit, Cancelled);
            Assert.Equal(LogLevel.Warning, log.Logger.LatestRecord.Level);
            Assert.Contains("allkeys-lru", log.Logger.LatestRecord.Message, StringComparison.Ordinal);
        }
        finally
        {
            await redis.Server.CommandAsync("CONFIG", "SET", "maxmemory-policy", "noeviction");
        }
    }

    [Fact]
    public async Task Full_memory_is_an_outage_and_deletes_nothing()
    {
        RedisLog log = Log();
        TopicNode node = log.Node();
        string id = await node.PublishAsync("t", "1");
        await redis.Server.CommandAsync("CONFIG", "SET", "maxmemory", "1mb");
        try
        {
            await Assert.ThrowsAsync<EventLogUnavailableException>(
                () => node.Log.AppendAsync([TopicNode.Record(100, "1")], Cancelled).WaitAsync(TopicNode.Limit, Cancelled));
            Assert.Equal(PositionState.Known, await node.StateAsync(id));
        }
        finally
        {
            await redis.Server.CommandAsync("CONFIG", "SET", "maxmemory", "0");
        }

        Assert.Equal(PositionState.Known, await node.StateAsync(await node.PublishAsync("t", "2")));
    }

    [Fact]
    public async Task Full_memory_is_freed_of_what_is_past_retention_although_nobody_is_subscribed()
    {
        RedisLog log = Log(new TopicOptions { Retention = TimeSpan.FromSeconds(1) });
        TopicNode node = log.Node();
        for (int number = 0; number < 20; number++)
        {
            await node.PublishAsync("t", new string('x', 250_000));
        }

        long used = await redis.Server.InfoAsync("memory", "used_memory");
        await redis.Server.CommandAsync("CONFIG", "SET", "maxmemory", $"{used}");
        try
        {
            await Eventually.TrueAsync(async () =>
            {
                try
                {
                    await node.Log.AppendAsync([TopicNode.Record(100, new string('x', 250_000))], Cancelled).WaitAsync(TopicNode.Limit, Cancelled);
                    return true;
                }
                catch (EventLogUnavailableException)
                {
                    return false;
                }
            });
        }
        finally
        {
            await redis.Server.CommandAsync("CONFIG", "SET", "maxmemory", "0");
        }
    }

    [Theory]
    [InlineData("-publish", "refuses to publish")]
    [InlineData("-subscribe", "refuses a subscription")]
    [InlineData("-xtrim", "could not be trimmed")]
    public async Task Missing_grant_is_logged_once(string grant, string message)
    {
        string user = $"u{Guid.NewGuid():N}";
        Assert.Equal("OK", await redis.Server.CommandAsync("ACL", "SETUSER", user, "on", ">secret", "~*", "&*", "+@all", grant));
        RedisLog log = Log(new TopicOptions { Redis = $"{redis.Server.Configuration},user={user},password=secret", MaxLogSize = 16_000 });
        TopicNode node = log.Node();
        using SubscriptionReader reader = node.Subscribe("t");
        await reader.NextAsync();
        for (int number = 0; number < 10; number++)
        {
            await node.PublishAsync("t", new string('x', 1000));
            await reader.DataAsync();
        }

        await Eventually.TrueAsync(() => Messages().Any());
        await node.PublishAsync("t", new string('x', 1000));
        Assert.Single(Messages());

        IEnumerable<string> Messages() => log.Logger.Collector.GetSnapshot().Select(record => record.Message)
            .Where(text => text.Contains(message, StringComparison.Ordinal));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (RedisLog log in _logs)
        {
            await log.DisposeAsync();
        }
    }

    private RedisLog Log(TopicOptions? options = null)
    {
        _logs.Add(new RedisLog(redis.Server, options));
        return _logs[^1];
    }

    // A record whose line has this many bytes.
    private static NumberedRecord Line(long number, int size) =>
        TopicNode.Record(number, new string('x', size - TopicNode.Record(number, "").Line.Length));

    // A new instance trims before it first waits.
    private static async Task TrimAsync(RedisLog log)
    {
        RedisEventLog other = log.Create();
        LogPosition end = await other.GetEndAsync(Cancelled).WaitAsync(TopicNode.Limit, Cancelled);
        await other.WaitAsync(end, Cancelled).WaitAsync(TopicNode.Limit, Cancelled);
    }
}
