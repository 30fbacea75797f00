using FuncSse.Topics;

namespace FuncSse.Tests.Topics;

/// <summary>What every event log does, whatever keeps its events.</summary>
public abstract partial class EventLogSpecification
{
    /// <summary>Makes a log that is empty.</summary>
    private protected abstract IEventLog CreateLog(TopicOptions? options = null);

    /// <summary>The log as another process has it, whose numbers of records are its own.</summary>
    private protected virtual IEventLog OtherInstance(IEventLog log) => log;

    [Fact]
    public async Task Events_are_read_in_the_order_of_their_publishing_with_the_ids_that_publishers_got()
    {
        await using var node = new TopicNode(CreateLog());
        string earliest = await node.EarliestAsync();
        var published = new List<(string, string)>();
        for (int number = 0; number < 20; number++)
        {
            published.Add((await node.PublishAsync("t", $"{number}"), $"{number}"));
        }

        Assert.Equal(published, await node.ReadAsync(earliest));
        Assert.Equal(published, await node.ReadAsync(earliest, pageSize: 100));
    }

    [Fact]
    public async Task Reader_that_begins_anywhere_misses_nothing()
    {
        await using var node = new TopicNode(CreateLog());
        List<string> ids = [await node.EarliestAsync()];
        for (int number = 1; number <= 5; number++)
        {
            ids.Add(await node.PublishAsync("t", $"{number}"));
        }

        for (int begin = 0; begin < ids.Count; begin++)
        {
            Assert.Equal(ids.Skip(begin + 1), (await node.ReadAsync(ids[begin])).Select(one => one.Id));
        }
    }

    [Fact]
    public async Task Reader_that_begins_within_an_append_misses_nothing()
    {
        await using var node = new TopicNode(CreateLog());
        NumberedRecord[] records = [.. Enumerable.Range(1, 50).Select(number => TopicNode.Record(number, $"{number} {new string('x', 1000)}"))];
        IReadOnlyList<LogPosition> ends = await node.AppendAsync(records);
        Assert.Equal(ends, await node.AppendAsync(records));
        string after = $"{Assert.Single(await node.AppendAsync([TopicNode.Record(51, "after")]))}";
        for (int index = 0; index < ends.Count; index++)
        {
            Assert.Equal([.. ends.Skip(index + 1).Select(end => $"{end}"), after], (await node.ReadAsync($"{ends[index]}", pageSize: 5000)).Select(one => one.Id));
            Assert.Equal(PositionState.Unknown, await node.StateAsync($"{ends[index] with { Mark = ends[(index + 1) % ends.Count].Mark }}"));
        }
    }

    [Fact]
    public async Task What_is_published_during_an_append_goes_out_with_the_next()
    {
        var log = new FaultyLog(CreateLog());
        await using var node = new TopicNode(log);
        string earliest = await node.EarliestAsync();
        var gate = new TaskCompletionSource();
        log.OnAppend = async (append, cancellationToken) =>
        {
            await gate.Task.WaitAsync(TopicNode.Limit, cancellationToken);
            return await append();
        };
        Task<string>[] publishes = [.. Enumerable.Range(0, 200).Select(number => node.PublishAsync("t", $"{number}"))];
        await Eventually.TrueAsync(() => log.Appends == 1);
        gate.SetResult();
        string[] ids = await Task.WhenAll(publishes).WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken);
        Assert.InRange(log.Appends, 1, 3);
        Assert.Equal(ids, (await node.ReadAsync(earliest)).Select(one => one.Id));
        Assert.Equal(200, ids.Distinct().Count());
    }

    [Theory]
    [InlineData("")]
    [InlineData("a\r\nb\rc\nd")]
    [InlineData("\uFEFFwith a mark \u0000\u0001\u2028 \"\\ é 😀")]
    public async Task Data_comes_back_as_it_was(string data)
    {
        await using var node = new TopicNode(CreateLog());
        string earliest = await node.EarliestAsync();
        await node.PublishAsync("t", data);
        Assert.Equal(data, Assert.Single(await node.ReadAsync(earliest)).Data);
    }

    [Fact]
    public async Task Half_of_a_surrogate_pair_becomes_the_replacement_character()
    {
        await using var node = new TopicNode(CreateLog());
        string earliest = await node.EarliestAsync();
        await node.PublishAsync("t", "a\uD800b");
        Assert.Equal("a\uFFFDb", Assert.Single(await node.ReadAsync(earliest)).Data);
    }

    [Fact]
    public async Task Large_events_come_through()
    {
        await using var node = new TopicNode(CreateLog());
        string earliest = await node.EarliestAsync();
        string data = new('\u0001', 256 * 1024);
        await node.PublishAsync("t", data);
        await node.PublishAsync("t", "after");
        Assert.Equal([data, "after"], (await node.ReadAsync(earliest, pageSize: 1000)).Select(one => one.Data));
    }

    [Fact]
    public async Task Append_whose_answer_was_lost_counts_once()
    {
        var log = new FaultyLog(CreateLog());
        await using var node = new TopicNode(log);
        string earliest = await node.EarliestAsync();
        await node.PublishAsync("t", "before");
        log.OnAppend = async (append, _) =>
        {
            await append();
            log.OnAppend = (next, _) => next();
            throw new EventLogUnavailableException();
        };
        Task<string>[] publishes = [node.PublishAsync("t", "1"), node.PublishAsync("t", "2"), node.PublishAsync("t", "3")];
        string[] ids = await Task.WhenAll(publishes).WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken);
        string after = await node.PublishAsync("t", "after");
        IReadOnlyList<(string Id, string Data)> read = await node.ReadAsync(earliest);
        Assert.Equal(["before", "1", "2", "3", "after"], read.Select(one => one.Data));
        Assert.Equal([.. ids, after], read.Skip(1).Select(one => one.Id));
        await EveryReaderAgreesAsync(node, earliest);
    }

    [Fact]
    public async Task Records_that_come_again_count_once_whoever_is_left_out()
    {
        await using var node = new TopicNode(CreateLog());
        string earliest = await node.EarliestAsync();
        NumberedRecord[] records = [TopicNode.Record(3, "3"), TopicNode.Record(4, "4"), TopicNode.Record(7, "7")];
        IReadOnlyList<LogPosition> ends = await node.AppendAsync(records);
        Assert.Equal([ends[0], ends[2]], await node.AppendAsync([records[0], records[2]]));
        Assert.Equal([ends[1]], await node.AppendAsync([records[1]]));
        await node.AppendAsync([TopicNode.Record(8, "8")]);
        Assert.Equal(["3", "4", "7", "8"], (await node.ReadAsync(earliest)).Select(one => one.Data));
        await EveryReaderAgreesAsync(node, earliest);
    }

    [Fact]
    public async Task Position_carries_the_mark_of_its_record_and_is_unknown_with_another()
    {
        await using var node = new TopicNode(CreateLog());
        LogPosition first = Parse(await node.PublishAsync("t", "1"));
        LogPosition last = Parse(await node.PublishAsync("t", "2"));
        foreach (LogPosition position in (LogPosition[])[first, last])
        {
            Assert.Equal(RecordMark.Length, position.Mark.Length);
            Assert.Equal(PositionState.Unknown, await node.StateAsync($"{position with { Mark = position.Mark == "aaaa" ? "bbbb" : "aaaa" }}"));
            Assert.Equal(PositionState.Unknown, await node.StateAsync($"{position with { Mark = "" }}"));
        }

        Assert.Equal(last, await node.Log.GetEndAsync(TestContext.Current.CancellationToken).WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Damaged_record_and_one_of_a_later_version_are_skipped_and_told_once()
    {
        await using var node = new TopicNode(CreateLog());
        string earliest = await node.EarliestAsync();
        await node.PublishAsync("t", "1");
        byte[][] lines = ["{\"v\":3,\"anything\":[1]}"u8.ToArray(), "{\"v\":2,\"t\":\"x\""u8.ToArray(), [0xFF, 0xFE], "7"u8.ToArray()];
        NumberedRecord[] records = [.. lines.Select((line, index) => new NumberedRecord(100 + index, line))];
        await OtherInstance(node.Log).AppendAsync(records, TestContext.Current.CancellationToken)
            .WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken);
        await node.PublishAsync("t", "2");
        for (int round = 0; round < 2; round++)
        {
            Assert.Equal(["1", "2"], (await node.ReadAsync(earliest)).Select(one => one.Data));
        }

        Assert.Equal(4, node.Logs.GetSnapshot().Count(entry => entry.Message.Contains("skipped", StringComparison.Ordinal)));
        Assert.Single(node.Logs.GetSnapshot(), entry => entry.Message.Contains("LaterVersion", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Position_is_known_only_where_a_record_ends()
    {
        await using var node = new TopicNode(CreateLog());
        string earliest = await node.EarliestAsync();
        string id = await node.PublishAsync("t", "1");
        string last = await node.PublishAsync("t", "2");
        LogPosition end = Parse(last);
        Assert.Equal(PositionState.Known, await node.StateAsync(earliest));
        Assert.Equal(PositionState.Known, await node.StateAsync(id));
        Assert.Equal(PositionState.Known, await node.StateAsync(last));
        Assert.Equal(PositionState.Unknown, await node.StateAsync($"{end with { Offset = end.Offset + 1 }}"));
        Assert.Equal(PositionState.Unknown, await node.StateAsync($"{end with { Offset = long.MaxValue }}"));
        Assert.Equal(PositionState.Unknown, await node.StateAsync($"{end with { Segment = long.MaxValue }}"));
        Assert.Equal(PositionState.Unknown, await node.StateAsync($"{end with { Epoch = "other" }}"));
    }

    [Fact]
    public async Task Wait_ends_with_an_append_of_this_process()
    {
        await using var node = new TopicNode(CreateLog());
        LogPosition end = Parse(await node.PublishAsync("t", "1"));
        Task wait = node.Log.WaitAsync(end, TestContext.Current.CancellationToken);
        await node.PublishAsync("t", "2");
        await wait.WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken);
    }

    private protected static LogPosition Parse(string id) =>
        LogPosition.TryParse(id, out LogPosition? position) ? position : throw new FormatException(id);

    // Whoever begins behind an event sees exactly what one who began at the start sees from there.
    private protected static async Task EveryReaderAgreesAsync(TopicNode node, string earliest)
    {
        IReadOnlyList<(string Id, string Data)> all = await node.ReadAsync(earliest);
        LogPosition position = Parse(earliest);
        while (true)
        {
            LogPage page = await node.Log.ReadAsync(position, 1, TestContext.Current.CancellationToken).WaitAsync(TopicNode.Limit);
            foreach (LogPosition end in page.Records.Select(record => record.End))
            {
                Assert.Equal(all.Where(one => Parse(one.Id).IsAfter(end)), await node.ReadAsync($"{end}"));
            }

            if (page.Next == position)
            {
                return;
            }

            position = page.Next;
        }
    }
}
