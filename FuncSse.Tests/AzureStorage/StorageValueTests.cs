using Azure.Core.Pipeline;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using FuncSse.Topics;
using FuncSse.Topics.AzureStorage;
using static FuncSse.Tests.Topics.StorageValues;

namespace FuncSse.Tests.Topics;

/// <summary>Retained values in blobs: failures between the log and the blob.</summary>
public sealed class StorageValueTests(Azurite storage) : IClassFixture<Azurite>
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Value_that_is_not_written_yet_is_found_before_all_that_one_append_may_have()
    {
        using var handler = new FaultyHandler();
        var container = new StorageLog(storage);
        await using TopicNode node = container.Node(transport: new HttpClientTransport(handler));
        await using TopicNode other = container.Node();
        await node.PublishAsync("t", "1", retain: true);
        var held = new TaskCompletionSource();
        bool isHeld = false;
        handler.OnSend = async (request, send) =>
        {
            if (IsValueWrite(request))
            {
                isHeld = true;
                await held.Task;
            }

            return await send();
        };
        // The first one goes out alone, and the others together after it.
        Task first = node.PublishAsync("u", "0");
        Task<string> kept = node.PublishAsync("t", "2", retain: true);
        Task[] others = [.. Enumerable.Range(0, 60).Select(_ => node.PublishAsync("u", new string('x', 10_000)))];
        await Eventually.TrueAsync(() => isHeld);
        LogPosition position = await other.Log.GetEndAsync(Cancelled).WaitAsync(TopicNode.Limit, Cancelled);
        (string Id, string Data)? value = await ValueAsync(other, "t");
        held.SetResult();
        await Task.WhenAll([first, .. others]).WaitAsync(TopicNode.Limit, Cancelled);
        Assert.False(Parse(await kept).IsAfter(position)); // The stream goes on after it.
        Assert.Equal("2", value?.Data);
    }

    [Fact]
    public async Task Values_of_recorded_streams_expire_and_are_deleted()
    {
        var container = new StorageLog(storage);
        await using TopicNode node = container.Node();
        await node.PublishAsync("t", "1", retain: true);
        TimeSpan lifetime = TimeSpan.FromSeconds(1);
        var store = new BlobValueStore(container.Container, lifetime);
        Assert.NotNull(await store.GetAsync("t", null, Cancelled));
        await Eventually.TrueAsync(async () => await store.GetAsync("t", null, Cancelled) is null);
        var list = new BlobValueList(store, new BlobValueCache(keepsRecords: false, TimeProvider.System), lifetime, TimeProvider.System);
        list.KeepUp();
        await Eventually.TrueAsync(() => !container.Container.GetBlobClient("values/t").Exists(Cancelled).Value);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Event_is_acknowledged_only_when_its_value_is_kept(bool lands)
    {
        using var handler = new FaultyHandler();
        var container = new StorageLog(storage);
        await using TopicNode node = container.Node(transport: new HttpClientTransport(handler));
        await using TopicNode other = container.Node();
        string earliest = await node.EarliestAsync();
        int tries = 0;
        handler.OnSend = async (request, send) =>
        {
            // The client itself tries three times.
            bool fails = IsValueWrite(request) && tries++ < 4;
            if (!fails || lands)
            {
                HttpResponseMessage answer = await send();
                if (!fails)
                {
                    return answer;
                }

                answer.Dispose();
            }

            throw new HttpRequestException("The connection broke.");
        };
        string id = await node.PublishAsync("t", "1", retain: true);
        Assert.True(tries > 4);
        Assert.Equal([(id, "1")], await other.ReadAsync(earliest));
        Assert.Equal((id, "1"), await ValueAsync(other, "t"));
        id = await node.PublishAsync("t", "2", retain: true);
        Assert.Equal((id, "2"), await ValueAsync(other, "t"));
    }

    [Fact]
    public async Task Event_whose_value_cannot_be_written_is_not_acknowledged()
    {
        using var handler = new FaultyHandler();
        var container = new StorageLog(storage);
        await using TopicNode node = container.Node(transport: new HttpClientTransport(handler));
        await node.PublishAsync("u", "1", retain: true);
        LoseValues(handler);
        Task<string> publish = node.PublishAsync("t", "1", retain: true);
        await Assert.ThrowsAsync<EventLogUnavailableException>(() => publish);
        handler.OnSend = (_, send) => send();
        string id = await node.PublishAsync("t", "2", retain: true);
        Assert.Equal((id, "2"), await ValueAsync(node, "t"));
    }

    [Theory]
    [InlineData("new")]
    [InlineData("")]
    public async Task Whoever_sees_an_event_in_the_log_serves_it_before_the_blob_has_it_and_writes_it_in_time(string data)
    {
        var time = new ManualTimeProvider();
        using var handler = new FaultyHandler();
        var container = new StorageLog(storage);
        await using TopicNode crashed = container.Node(transport: new HttpClientTransport(handler));
        await using TopicNode node = container.Node();
        IEventLog reader = container.Create(time);
        await node.PublishAsync("t", "old", retain: true);
        LogPosition begin = await reader.GetEndAsync(Cancelled).WaitAsync(TopicNode.Limit, Cancelled);
        LogPosition end = await AppendAloneAsync(crashed, handler, "t", data);
        Assert.Equal("old", (await ValueAsync(reader, "t"))!.Value.Data);

        LogPage page = await reader.ReadAsync(begin, 1024, Cancelled).WaitAsync(TopicNode.Limit, Cancelled);
        Assert.Equal(end, page.Next);
        (string, string)? expected = data.Length == 0 ? null : ($"{end}", data);
        Assert.Equal(expected, await ValueAsync(reader, "t"));
        Assert.Equal(expected, await ValueAsync(reader, "*"));

        time.Advance(RepairAge - TimeSpan.FromSeconds(1));
        await Task.Delay(100, Cancelled); // The time in which nothing may be written.
        Assert.NotEqual($"{end}", await StoredEndAsync(container, "t"));
        await Eventually.TrueAsync(async () =>
        {
            time.Advance(TimeSpan.FromSeconds(1));
            return await StoredEndAsync(container, "t") == $"{end}";
        });
        Assert.Equal(expected, await ValueAsync(node, "t"));
    }

    [Fact]
    public async Task Reader_that_begins_behind_an_event_serves_it_before_the_blob_has_it()
    {
        using var handler = new FaultyHandler();
        var container = new StorageLog(storage, limits: new BlobLogLimits(4, 1 << 20, TimeSpan.FromHours(1), TimeSpan.FromHours(1)));
        await using TopicNode crashed = container.Node(transport: new HttpClientTransport(handler));
        await using TopicNode node = container.Node();
        await node.PublishAsync("t", "old", retain: true);
        LogPosition end = await AppendAloneAsync(crashed, handler, "t", "new");
        for (int number = 0; number < 3; number++)
        {
            await node.PublishAsync("other", "event"); // The third one is in the next segment.
            await using TopicNode reader = container.Node();
            using SubscriptionReader stream = reader.Subscribe("t");
            Assert.Equal("data: new\n\n", await stream.NextAsync());
            Assert.Equal($"{end}", (await ValueAsync(reader, "t"))!.Value.Id);
        }
    }

    [Fact]
    public async Task Late_write_of_an_older_value_replaces_neither_a_newer_value_nor_a_cleared_one()
    {
        foreach (string data in (string[])["new", ""])
        {
            using var handler = new FaultyHandler();
            var container = new StorageLog(storage);
            await using TopicNode late = container.Node(transport: new HttpClientTransport(handler));
            await using TopicNode node = container.Node();
            var gate = new TaskCompletionSource();
            var waits = new TaskCompletionSource();
            handler.OnSend = async (request, send) =>
            {
                if (IsValueWrite(request))
                {
                    waits.TrySetResult();
                    await gate.Task.WaitAsync(TopicNode.Limit, Cancelled);
                }

                return await send();
            };
            Task<string> older = late.PublishAsync("t", "old", retain: true);
            await waits.Task.WaitAsync(TopicNode.Limit, Cancelled);
            string newer = await node.PublishAsync("t", data, retain: true);
            gate.SetResult();
            await older;
            (string, string)? expected = data.Length == 0 ? null : (newer, data);
            Assert.Equal(newer, await StoredEndAsync(container, "t"));
            Assert.Equal(expected, await ValueAsync(late, "t"));
            Assert.Equal(expected, await ValueAsync(container.Create(), "*"));
        }
    }

    [Fact]
    public async Task Blob_has_the_last_record_after_several_instances_wrote_at_once()
    {
        var container = new StorageLog(storage);
        TopicNode[] nodes = [container.Node(), container.Node(), container.Node()];
        string[][] ids = await Task.WhenAll(nodes.Select(async (node, index) =>
        {
            var own = new List<string>();
            for (int number = 0; number < 20; number++)
            {
                own.Add(await node.PublishAsync("t", $"{index}-{number}", retain: true));
            }

            return own.ToArray();
        })).WaitAsync(TopicNode.Limit, Cancelled);
        Assert.Equal(ids.SelectMany(own => own).MaxBy(id => Parse(id).Offset), await StoredEndAsync(container, "t"));
        foreach (TopicNode node in nodes)
        {
            await node.DisposeAsync();
        }
    }

    [Fact]
    public async Task Value_of_an_earlier_log_has_no_position()
    {
        var container = new StorageLog(storage);
        await using TopicNode node = container.Node();
        string before = await node.PublishAsync("t", "old", retain: true);
        foreach (string blob in (string[])["epoch", $"{before.Split('-')[0]}/0000000001"])
        {
            await container.Container.DeleteBlobAsync(blob, cancellationToken: Cancelled);
        }

        await node.PublishAsync("u", "new", retain: true);
        Assert.Equal(("", "old"), await ValueAsync(node, "t"));
        Assert.Equal(("", "old"), await ValueAsync(container.Create(), "t"));
    }

    [Fact]
    public async Task Value_that_the_log_has_lost_has_no_position_and_any_newer_one_replaces_it()
    {
        var container = new StorageLog(storage);
        await using TopicNode node = container.Node();
        string kept = await node.PublishAsync("t", "kept", retain: true);
        AppendBlobClient segment = container.Container.GetAppendBlobClient($"{kept.Split('-')[0]}/0000000001");
        BlobDownloadResult before = await segment.DownloadContentAsync(Cancelled);
        await node.PublishAsync("u", new string('x', 1000), retain: true);
        await node.PublishAsync("u", "lost", retain: true);
        await node.PublishAsync("t", "lost", retain: true);
        await segment.DeleteAsync(cancellationToken: Cancelled);
        await segment.CreateAsync(new AppendBlobCreateOptions { Metadata = before.Details.Metadata }, Cancelled);
        using (Stream content = before.Content.ToStream())
        {
            await segment.AppendBlockAsync(content, cancellationToken: Cancelled);
        }

        await using TopicNode other = container.Node();
        Assert.Equal(("", "lost"), await ValueAsync(other, "u"));
        Assert.Equal((kept, "kept"), await ValueAsync(other, "t")); // What the log has counts.
        foreach (string topic in (string[])["t", "u"])
        {
            string[] anew = [await node.PublishAsync(topic, "anew", retain: true), await other.PublishAsync(topic, "again", retain: true)];
            Assert.All(anew, id => Assert.True(Parse(id).Offset < 1000));
            Assert.Equal((anew[1], "again"), await ValueAsync(other, topic));
            Assert.Equal((anew[1], "again"), await ValueAsync(node, topic));
        }
    }

    [Fact]
    public async Task Blobs_of_other_programs_and_without_a_position_stop_nobody()
    {
        var container = new StorageLog(storage);
        await using TopicNode node = container.Node();
        await node.PublishAsync("t", "1", retain: true);
        BlobContainerClient client = container.Container;
        await client.UploadBlobAsync("values/a b", BinaryData.FromString("garbage"), Cancelled);
        await client.UploadBlobAsync("values/u", BinaryData.FromString("garbage"), Cancelled);
        await client.GetBlobClient("values/t").SetMetadataAsync(new Dictionary<string, string>(), cancellationToken: Cancelled);
        Assert.Equal(["t", "u"], (await ReadAsync(node, "*")).Select(value => value.Topic).Order(StringComparer.Ordinal));
        foreach (string topic in (string[])["t", "u"])
        {
            string id = await node.PublishAsync(topic, "2", retain: true);
            Assert.Equal((id, "2"), await ValueAsync(container.Create(), topic));
        }
    }
}
