using System.Text;
using FuncSse.Topics;

namespace FuncSse.Tests.Topics;

// Retained values.
public abstract partial class EventLogSpecification
{
    private static CancellationToken Stopped => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Retained_event_is_its_topic_s_value_until_the_next_one()
    {
        await using var node = new TopicNode(CreateLog());
        Assert.Empty(await ValuesAsync(node.Log, "t"));
        for (int number = 0; number < 3; number++)
        {
            string id = await node.PublishAsync("t", $"{number}", type: "kind", retain: true);
            RetainedValue value = Assert.Single((await node.Log.ReadValuesAsync(new TopicSet(["t"]), 10, Stopped).WaitAsync(TopicNode.Limit, Stopped))!);
            Assert.Equal(("t", id), (value.Topic, $"{value.End}"));
            Assert.Equal(RecordKind.Event, EventRecord.Decode(value.Line.Span, out EventRecord? decoded));
            Assert.Equal(("t", "kind", $"{number}", true), (decoded!.Topic, decoded.Type, Encoding.UTF8.GetString(decoded.Data.Span), decoded.IsRetained));
        }
    }

    [Fact]
    public async Task Event_that_is_not_retained_is_no_value()
    {
        await using var node = new TopicNode(CreateLog());
        await node.PublishAsync("t", "event");
        Assert.Empty(await ValuesAsync(node.Log, "t"));
        string id = await node.PublishAsync("t", "value", retain: true);
        await node.PublishAsync("t", "event");
        Assert.Equal([("t", "value", id)], await ValuesAsync(node.Log, "t"));
    }

    [Fact]
    public async Task Empty_data_clears_the_value()
    {
        await using var node = new TopicNode(CreateLog());
        await using var other = new TopicNode(OtherInstance(node.Log));
        for (int round = 0; round < 2; round++)
        {
            string id = await node.PublishAsync("t", "value", retain: true);
            Assert.Equal([("t", "value", id)], await ValuesAsync(other.Log, "t"));
            await node.PublishAsync("t", "", retain: true);
            await node.PublishAsync("never/set", "", retain: true);
            Assert.Empty(await ValuesAsync(node.Log, "*"));
            Assert.Empty(await ValuesAsync(other.Log, "t", "never/set"));
        }
    }

    [Fact]
    public async Task Last_record_of_a_batch_is_the_value()
    {
        await using var node = new TopicNode(CreateLog());
        IReadOnlyList<LogPosition> ends = await node.AppendAsync([Retained(1, "a", "1"), Retained(2, "b", "2"), Retained(3, "a", "3"), Retained(4, "c", "4"), Retained(5, "c", "")]);
        Assert.Equal([("a", "3", $"{ends[2]}"), ("b", "2", $"{ends[1]}")], await ValuesAsync(node.Log, "*"));
    }

    [Fact]
    public async Task Values_of_several_topics_and_patterns_come_once_each()
    {
        await using var node = new TopicNode(CreateLog());
        string[] topics = ["a", "a/b", "a/b/c", "a/bc", "a0", "b"];
        await Task.WhenAll(topics.Select(topic => node.PublishAsync(topic, topic, retain: true)));
        Assert.Equal(["a/b", "a/b/c", "a/bc"], await TopicsAsync("a/*"));
        Assert.Equal(["a/b/c"], await TopicsAsync("a/b/*"));
        Assert.Equal(["a", "a/b", "a/b/c", "a/bc"], await TopicsAsync("a", "a/*", "a/b/*", "a/b", "missing"));
        Assert.Equal(["a", "b"], await TopicsAsync("b", "a"));
        Assert.Equal(topics, await TopicsAsync("*", "a/*", "b"));

        async Task<IEnumerable<string>> TopicsAsync(params string[] wanted) => (await ValuesAsync(node.Log, wanted)).Select(value => value.Topic);
    }

    [Fact]
    public async Task Each_name_has_a_value_of_its_own()
    {
        await using var node = new TopicNode(CreateLog());
        string[] topics = ["a", "A", "a.", "a./b", "a/b.", "a..b", "~", "~2E", "a~2Eb", "a~2F", "-._~!$&'()+,;=:@|/x", $"long/{new string('|', TopicName.MaxLength - 5)}"];
        foreach (string topic in topics)
        {
            await node.PublishAsync(topic, topic, retain: true);
        }

        Assert.Equal(topics.Order(StringComparer.Ordinal).Select(topic => (topic, topic)), (await ValuesAsync(node.Log, "*")).Select(value => (value.Topic, value.Data)));
        Assert.Equal(topics.Order(StringComparer.Ordinal).Select(topic => (topic, topic)), (await ValuesAsync(OtherInstance(node.Log), topics)).Select(value => (value.Topic, value.Data)));
    }

    [Fact]
    public async Task Pattern_for_everything_does_not_cover_reserved_topics()
    {
        await using var node = new TopicNode(CreateLog());
        await node.Writer.AppendAsync("$revoked/x", null, "x"u8.ToArray(), retain: true, Stopped).WaitAsync(TopicNode.Limit, Stopped);
        await node.Writer.AppendAsync("$other/y", null, "y"u8.ToArray(), retain: true, Stopped).WaitAsync(TopicNode.Limit, Stopped);
        await node.PublishAsync("t", "value", retain: true);
        foreach (IEventLog log in (IEventLog[])[node.Log, OtherInstance(node.Log)])
        {
            Assert.Equal(["t"], (await ValuesAsync(log, "*")).Select(value => value.Topic));
            Assert.Equal(["$revoked/x"], (await ValuesAsync(log, TopicSet.Reserved("$revoked/"))).Select(value => value.Topic));
        }
    }

    [Fact]
    public async Task More_values_than_were_asked_for_are_not_read()
    {
        await using var node = new TopicNode(CreateLog());
        await Task.WhenAll(Enumerable.Range(0, 5).Select(number => node.PublishAsync($"t/{number}", "value", retain: true)));
        IEventLog other = OtherInstance(node.Log);
        foreach (TopicSet topics in (TopicSet[])[new TopicSet(["t/*"]), new TopicSet([.. Enumerable.Range(0, 5).Select(number => $"t/{number}")])])
        {
            Assert.Null(await other.ReadValuesAsync(topics, 4, Stopped).WaitAsync(TopicNode.Limit, Stopped));
            Assert.Equal(5, (await other.ReadValuesAsync(topics, 5, Stopped).WaitAsync(TopicNode.Limit, Stopped))!.Count);
        }
    }

    [Fact]
    public async Task Values_outlive_the_retention()
    {
        await using var node = new TopicNode(CreateLog(new TopicOptions { MaxLogSize = 6000 }));
        string first = await node.PublishAsync("t", "value", retain: true);
        await Eventually.TrueAsync(async () =>
        {
            await node.PublishAsync("other", new string('x', 1000));
            return await node.StateAsync(first) == PositionState.Expired;
        });
        foreach (IEventLog log in (IEventLog[])[node.Log, OtherInstance(node.Log)])
        {
            Assert.Equal([("t", "value")], (await ValuesAsync(log, "*")).Select(value => (value.Topic, value.Data)));
        }
    }

    /// <summary>Values outlive the log, and have no position in the next one. A log in memory lives and dies with its values.</summary>
    /// <param name="loseLogAsync">Loses all events of the log that was made last, so that it begins anew, and keeps the values.</param>
    private protected async Task LoseLogAsync(Func<Task> loseLogAsync)
    {
        await using var node = new TopicNode(CreateLog());
        string before = await node.PublishAsync("t", "old", retain: true);
        await node.PublishAsync("kept", "old", retain: true);
        await loseLogAsync();
        string after = await node.PublishAsync("u", "new", retain: true);
        Assert.NotEqual(Parse(before).Epoch, Parse(after).Epoch);
        await using var other = new TopicNode(OtherInstance(node.Log));
        foreach (IEventLog log in (IEventLog[])[node.Log, other.Log])
        {
            Assert.Equal([("kept", "old", ""), ("t", "old", ""), ("u", "new", after)], (await ValuesAsync(log, "*")).Select(WithoutEpoch));
        }

        string last = await other.PublishAsync("t", "new", retain: true);
        Assert.Equal([("t", "new", last)], await ValuesAsync(node.Log, "t"));

        (string, string, string) WithoutEpoch((string Topic, string Data, string End) value) =>
            value.End.StartsWith(Parse(after).Epoch, StringComparison.Ordinal) ? value : (value.Topic, value.Data, "");
    }

    [Fact]
    public async Task Another_instance_reads_a_value_as_soon_as_it_was_published()
    {
        await using var node = new TopicNode(CreateLog());
        IEventLog other = OtherInstance(node.Log);
        for (int number = 0; number < 5; number++)
        {
            string id = await node.PublishAsync("t/a", $"{number}", retain: true);
            Assert.Equal([("t/a", $"{number}", id)], await ValuesAsync(other, "t/a"));
            id = await node.PublishAsync("t/a", $"{number}", retain: true);
            Assert.Equal([("t/a", $"{number}", id)], await ValuesAsync(other, "t/*"));
        }
    }

    [Fact]
    public async Task Append_that_comes_again_replaces_no_newer_value_of_another_instance()
    {
        IEventLog log = CreateLog();
        IEventLog other = OtherInstance(log);
        NumberedRecord[] records = [Retained(1, "t", "older"), Retained(2, "u", "older")];
        IReadOnlyList<LogPosition> first = await log.AppendAsync(records, Stopped).WaitAsync(TopicNode.Limit, Stopped);
        IReadOnlyList<LogPosition> newer = await other.AppendAsync([Retained(100, "t", "newer")], Stopped).WaitAsync(TopicNode.Limit, Stopped);
        if (log != other)
        {
            Assert.Equal(first, await log.AppendAsync(records, Stopped).WaitAsync(TopicNode.Limit, Stopped));
        }

        foreach (IEventLog one in (IEventLog[])[log, other])
        {
            Assert.Equal([("t", "newer", $"{newer[0]}"), ("u", "older", $"{first[1]}")], await ValuesAsync(one, "t", "u"));
        }
    }

    [Fact]
    public async Task Value_that_several_instances_write_at_once_is_the_last_record_of_the_log()
    {
        IEventLog log = CreateLog();
        IEventLog other = OtherInstance(log);
        TopicNode[] nodes = [.. ((IEventLog[])[log, other]).Distinct().Select(one => new TopicNode(one))];
        string earliest = await nodes[0].EarliestAsync();
        await Task.WhenAll(nodes.Select(async (node, index) =>
        {
            for (int number = 0; number < 50; number += 2)
            {
                await Task.WhenAll(node.PublishAsync("t", $"{index}-{number}", retain: true), node.PublishAsync("t", $"{index}-{number + 1}", retain: true));
            }
        })).WaitAsync(TopicNode.Limit, Stopped);
        IReadOnlyList<(string Id, string Data)> all = await nodes[0].ReadAsync(earliest);
        Assert.Equal(50 * nodes.Length, all.Count);
        foreach (IEventLog one in (IEventLog[])[log, other, OtherInstance(log)])
        {
            Assert.Equal([("t", all[^1].Data, all[^1].Id)], await ValuesAsync(one, "t"));
        }

        foreach (TopicNode node in nodes)
        {
            await node.DisposeAsync();
        }
    }

    [Fact]
    public async Task As_many_topics_as_may_have_values_have_them()
    {
        await using var node = new TopicNode(CreateLog(new TopicOptions { MaxRetained = 3 }));
        await node.Writer.AppendAsync("$revoked/x", null, "x"u8.ToArray(), retain: true, Stopped).WaitAsync(TopicNode.Limit, Stopped);
        for (int number = 0; number < 3; number++)
        {
            Assert.True(await CanAsync(node.Log, $"{number}"));
            await node.PublishAsync($"{number}", "value", retain: true);
        }

        IEventLog other = OtherInstance(node.Log);
        foreach (IEventLog log in (IEventLog[])[node.Log, other])
        {
            Assert.True(await CanAsync(log, "0"));
            Assert.False(await CanAsync(log, "3"));
        }

        await node.PublishAsync("1", "", retain: true);
        Assert.True(await CanAsync(node.Log, "3"));
        await Eventually.TrueAsync(() => CanAsync(other, "3"));
        await node.PublishAsync("3", "value", retain: true);
        Assert.False(await CanAsync(node.Log, "1"));

        async Task<bool> CanAsync(IEventLog log, string topic) => await log.FindRoomAsync(topic, Stopped).WaitAsync(TopicNode.Limit, Stopped) > 0;
    }

    private protected static Task<IEnumerable<(string Topic, string Data, string End)>> ValuesAsync(IEventLog log, params string[] topics) =>
        ValuesAsync(log, new TopicSet(topics));

    private protected static NumberedRecord Retained(long number, string topic, string data) => new(
        number, new EventRecord(topic, null, DateTimeOffset.UnixEpoch, Encoding.UTF8.GetBytes(data), IsRetained: true).Encode(), topic, Clears: data.Length == 0);

    private static async Task<IEnumerable<(string Topic, string Data, string End)>> ValuesAsync(IEventLog log, TopicSet topics)
    {
        IReadOnlyList<RetainedValue>? values = await log.ReadValuesAsync(topics, 1000, Stopped).WaitAsync(TopicNode.Limit, Stopped);
        return values!.OrderBy(value => value.Topic, StringComparer.Ordinal).Select(value =>
        {
            Assert.Equal(RecordKind.Event, EventRecord.Decode(value.Line.Span, out EventRecord? decoded));
            Assert.Equal(value.Topic, decoded!.Topic);
            return (value.Topic, Encoding.UTF8.GetString(decoded.Data.Span), $"{value.End}");
        });
    }
}
