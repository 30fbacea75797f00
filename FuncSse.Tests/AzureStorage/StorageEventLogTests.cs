using System.Text;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using FuncSse.Topics;
using FuncSse.Topics.AzureStorage;

namespace FuncSse.Tests.Topics;

/// <summary>The log in append blobs: what every log does, on a real Azurite, and the life of its segments.</summary>
public sealed class StorageEventLogTests(Azurite storage) : EventLogSpecification, IClassFixture<Azurite>
{
    private static readonly BlobLogLimits s_small = new(5, 1 << 20, TimeSpan.FromHours(1), TimeSpan.FromHours(1));

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private StorageLog _log = null!;

    private protected override IEventLog CreateLog(TopicOptions? options = null)
    {
        _log = new StorageLog(storage, options, options is { MaxLogSize: < 1 << 20 } ? new BlobLogLimits(45_000, 2000, TimeSpan.FromHours(1), TimeSpan.Zero) : null);
        return _log.Create();
    }

    private protected override IEventLog OtherInstance(IEventLog log) => _log.Create();

    [Fact]
    public Task Values_outlive_the_log() => LoseLogAsync(async () =>
    {
        await foreach (BlobItem blob in _log.Container.GetBlobsAsync(cancellationToken: Cancelled))
        {
            if (!blob.Name.StartsWith("values/", StringComparison.Ordinal))
            {
                await _log.Container.DeleteBlobAsync(blob.Name, cancellationToken: Cancelled);
            }
        }
    });

    [Fact]
    public async Task Instances_that_begin_at_the_same_time_agree_on_the_epoch()
    {
        var container = new StorageLog(storage);
        LogPosition[] ends = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => container.Create().GetEndAsync(Cancelled)))
            .WaitAsync(TopicNode.Limit, Cancelled);
        Assert.Single(ends.Distinct());
        Assert.Equal((1, 0), (ends[0].Segment, ends[0].Offset));
    }

    [Theory]
    [InlineData(5, 1 << 20)]
    [InlineData(45_000, 500)]
    public async Task Instances_that_race_roll_at_blocks_and_at_a_size_and_lose_nothing(int blocks, long bytes)
    {
        var container = new StorageLog(storage, limits: new BlobLogLimits(blocks, bytes, TimeSpan.FromHours(1), TimeSpan.FromHours(1)));
        TopicNode[] nodes = [container.Node(), container.Node(), container.Node()];
        string earliest = await nodes[0].EarliestAsync();
        string[][] ids = await Task.WhenAll(nodes.Select(async (node, index) =>
        {
            var own = new List<string>();
            for (int number = 0; number < 15; number++)
            {
                own.Add(await node.PublishAsync("t", $"{index}-{number}"));
            }

            return own.ToArray();
        })).WaitAsync(TopicNode.Limit, Cancelled);

        foreach (TopicNode node in nodes)
        {
            IReadOnlyList<(string Id, string Data)> all = await node.ReadAsync(earliest);
            Assert.Equal(ids.SelectMany(own => own).Order(), all.Select(one => one.Id).Order());
            for (int index = 0; index < nodes.Length; index++)
            {
                Assert.Equal(ids[index], all.Where(one => one.Data.StartsWith($"{index}-", StringComparison.Ordinal)).Select(one => one.Id));
            }
        }

        Assert.InRange(Parse(ids[0][^1]).Segment, 3, 40);
        await EveryReaderAgreesAsync(nodes[0], earliest);
        await DisposeAsync(nodes);
    }

    [Fact]
    public async Task Crash_between_seal_and_the_next_segment_leaves_what_writer_and_reader_finish()
    {
        var container = new StorageLog(storage);
        await using TopicNode node = container.Node();
        await using TopicNode other = container.Node();
        string first = await node.PublishAsync("t", "1");
        await SegmentAsync(container, 1).SealAsync(cancellationToken: Cancelled);
        Assert.Empty(await other.ReadAsync(first));
        string second = await node.PublishAsync("t", "2");
        Assert.Equal(2, Parse(second).Segment);
        Assert.Equal([second], (await other.ReadAsync(first)).Select(one => one.Id));
        await SegmentAsync(container, 2).SealAsync(cancellationToken: Cancelled);
        await using TopicNode third = container.Node();
        Assert.Equal(3, (await third.Log.GetEndAsync(Cancelled).WaitAsync(TopicNode.Limit, Cancelled)).Segment);
    }

    [Fact]
    public async Task What_is_past_retention_is_deleted_by_the_service_s_dates_and_its_end_is_known()
    {
        // The clock of this instance is an hour ahead; its retention is two seconds of the service.
        var limits = new BlobLogLimits(45_000, 1 << 20, TimeSpan.FromSeconds(1), TimeSpan.FromMilliseconds(100));
        var container = new StorageLog(storage, new TopicOptions { Retention = TimeSpan.FromSeconds(2) }, limits);
        await using TopicNode node = container.Node(new OffsetTimeProvider(TimeSpan.FromHours(1)));
        string first = await node.PublishAsync("t", "1");
        string second = await node.PublishAsync("t", "2");
        await Eventually.TrueAsync(async () =>
        {
            await Task.Delay(100, Cancelled);
            await node.Log.WaitAsync(Parse(second), Cancelled).WaitAsync(TopicNode.Limit, Cancelled);
            return await node.StateAsync(first) == PositionState.Expired;
        });
        Assert.Equal(PositionState.Known, await node.StateAsync(second));
        Assert.Equal(2, Parse(await node.EarliestAsync()).Segment);
        string third = await node.PublishAsync("t", "3");
        Assert.Equal([third], (await node.ReadAsync(second)).Select(one => one.Id));
        await Eventually.TrueAsync(async () =>
        {
            await node.Log.WaitAsync(Parse(third), Cancelled).WaitAsync(TopicNode.Limit, Cancelled); // It looks at the segments now and then.
            return node.Log.OldestAge is not null;
        });
    }

    [Fact]
    public async Task Clock_that_is_an_hour_off_deletes_nothing_early()
    {
        var limits = new BlobLogLimits(5, 1 << 20, TimeSpan.FromMinutes(15), TimeSpan.Zero);
        var container = new StorageLog(storage, new TopicOptions { Retention = TimeSpan.FromMinutes(30) }, limits);
        await using TopicNode behind = container.Node(new OffsetTimeProvider(-TimeSpan.FromHours(1)));
        await using TopicNode ahead = container.Node(new OffsetTimeProvider(TimeSpan.FromHours(1)));
        string earliest = await behind.EarliestAsync();
        for (int number = 0; number < 10; number++)
        {
            await behind.PublishAsync("t", "behind");
            await ahead.PublishAsync("t", "ahead");
        }

        Assert.Equal(20, (await ahead.ReadAsync(earliest)).Count);
        Assert.Equal(20, (await behind.ReadAsync(earliest)).Count);
    }

    [Fact]
    public async Task Log_is_bounded_in_bytes_by_whole_segments()
    {
        var limits = new BlobLogLimits(45_000, 2000, TimeSpan.FromHours(1), TimeSpan.Zero);
        var container = new StorageLog(storage, new TopicOptions { MaxLogSize = 6000 }, limits);
        await using TopicNode node = container.Node();
        string first = await node.PublishAsync("t", "1");
        for (int number = 0; number < 20; number++)
        {
            await node.PublishAsync("t", new string('x', 1000));
        }

        // Once it is within its bound, nothing more is deleted.
        await Eventually.TrueAsync(() =>
            container.Container.GetBlobs(cancellationToken: Cancelled).Sum(blob => blob.Properties.ContentLength ?? 0) < container.Options.MaxLogSize);
        Assert.InRange((await node.ReadAsync(await node.EarliestAsync())).Count, 2, 8);
        Assert.Equal(PositionState.Expired, await node.StateAsync(first));
    }

    // It served nobody for a while, and others went on.
    [Fact]
    public async Task Instance_whose_segment_was_deleted_finds_the_end_of_the_log()
    {
        var limits = new BlobLogLimits(45_000, 2000, TimeSpan.FromHours(1), TimeSpan.Zero);
        var container = new StorageLog(storage, new TopicOptions { MaxLogSize = 6000 }, limits);
        await using TopicNode idle = container.Node();
        await using TopicNode node = container.Node();
        string first = await idle.PublishAsync("t", "1");
        for (int number = 0; number < 20; number++)
        {
            await node.PublishAsync("t", new string('x', 1000));
        }

        await Eventually.TrueAsync(async () => await node.StateAsync(first) == PositionState.Expired);
        LogPosition end = await idle.Log.GetEndAsync(Cancelled).WaitAsync(TopicNode.Limit, Cancelled);
        string next = await node.PublishAsync("t", "next");
        Assert.Equal([next], (await idle.ReadAsync($"{end}")).Select(one => one.Id));
    }

    [Fact]
    public async Task Garbage_without_a_line_end_swallows_no_record()
    {
        var container = new StorageLog(storage);
        await using TopicNode node = container.Node();
        string earliest = await node.EarliestAsync();
        string first = await node.PublishAsync("t", "1");
        await AppendAsync("garbage");
        string second = await node.PublishAsync("t", "2");
        await AppendAsync("\n\nmore\n\n");
        Assert.Equal(["1", "2"], (await node.ReadAsync(earliest)).Select(one => one.Data));
        Assert.Equal([second], (await node.ReadAsync(first)).Select(one => one.Id));
        await using TopicNode other = container.Node();
        await AppendAsync("tail");
        LogPosition end = await other.Log.GetEndAsync(Cancelled).WaitAsync(TopicNode.Limit, Cancelled);
        Assert.Equal(PositionState.Known, await other.StateAsync($"{end}"));
        string third = await node.PublishAsync("t", "3");
        Assert.Equal([third], (await other.ReadAsync($"{end}")).Select(one => one.Id));

        async Task AppendAsync(string text)
        {
            using var content = new MemoryStream(Encoding.UTF8.GetBytes(text));
            await SegmentAsync(container, 1).AppendBlockAsync(content, cancellationToken: Cancelled);
        }
    }

    [Fact]
    public async Task Position_within_a_record_is_unknown()
    {
        await using var node = new TopicNode(CreateLog());
        LogPosition end = Parse(await node.PublishAsync("t", "1"));
        await node.PublishAsync("t", "2");
        for (long offset = 1; offset < end.Offset; offset++)
        {
            Assert.Equal(PositionState.Unknown, await node.StateAsync($"{end with { Offset = offset }}"));
        }

        Assert.Equal(PositionState.Unknown, await node.StateAsync($"{end with { Offset = end.Offset + 1 }}"));
        Assert.Equal(PositionState.Unknown, await node.StateAsync($"{end with { Segment = 0 }}"));
    }

    [Fact]
    public async Task Far_off_position_costs_no_reading()
    {
        long read = 0;
        using var handler = new FaultyHandler();
        await using TopicNode node = new StorageLog(storage).Node(transport: new Azure.Core.Pipeline.HttpClientTransport(handler));
        LogPosition last = Parse(await node.PublishAsync("t", new string('x', 100_000)));
        handler.OnSend = async (request, send) =>
        {
            HttpResponseMessage response = await send();
            read += request.Method == HttpMethod.Get ? response.Content.Headers.ContentLength ?? 0 : 0;
            return response;
        };
        for (int bit = 20; bit < 64; bit++)
        {
            Assert.Equal(PositionState.Unknown, await node.StateAsync($"{last with { Offset = long.MaxValue >> (63 - bit) }}"));
        }

        Assert.Equal(0, read);
    }

    [Fact]
    public async Task Log_that_was_deleted_begins_anew_and_its_positions_are_unknown()
    {
        var container = new StorageLog(storage);
        await using TopicNode node = container.Node();
        await using TopicNode other = container.Node();
        string before = await node.PublishAsync("t", "1");
        Assert.Equal(PositionState.Known, await other.StateAsync(before));
        await container.Container.DeleteAsync(cancellationToken: Cancelled);
        string after = await node.PublishAsync("t", "2");
        Assert.NotEqual(Parse(before).Epoch, Parse(after).Epoch);
        Assert.Equal(PositionState.Unknown, await other.StateAsync(before));
        Assert.Equal(PositionState.Known, await other.StateAsync(after));
    }

    [Fact]
    public async Task Poll_without_news_is_one_conditional_request()
    {
        var statuses = new List<int>();
        using var handler = new FaultyHandler();
        await using TopicNode node = new StorageLog(storage).Node(transport: new Azure.Core.Pipeline.HttpClientTransport(handler));
        string id = await node.PublishAsync("t", "1");
        Assert.Empty(await node.ReadAsync(id));
        handler.OnSend = async (_, send) =>
        {
            HttpResponseMessage response = await send();
            statuses.Add((int)response.StatusCode);
            return response;
        };
        Assert.Empty(await node.ReadAsync(id));
        Assert.Equal([304], statuses);
    }

    private static AppendBlobClient SegmentAsync(StorageLog container, long number)
    {
        BlobContainerClient client = container.Container;
        string epoch = client.GetBlobClient("epoch").DownloadContent(Cancelled).Value.Content.ToString();
        return client.GetAppendBlobClient($"{epoch}/{number:D10}");
    }

    private static async Task DisposeAsync(TopicNode[] nodes)
    {
        foreach (TopicNode node in nodes)
        {
            await node.DisposeAsync();
        }
    }
}
