using System.Collections.Concurrent;
using Azure.Core.Pipeline;
using Azure.Storage.Blobs.Models;
using FuncSse.Topics;
using static FuncSse.Tests.Topics.StorageValues;

namespace FuncSse.Tests.Topics;

/// <summary>The requests that retained values cost in a storage account.</summary>
public sealed class StorageValueCostTests(Azurite storage) : IClassFixture<Azurite>
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Cost_is_one_write_more_for_a_retained_event_and_one_request_for_a_read()
    {
        using var handler = new FaultyHandler();
        var container = new StorageLog(storage);
        await using TopicNode node = container.Node(transport: new HttpClientTransport(handler));
        await using TopicNode other = container.Node();
        LogPosition end = Parse(await node.PublishAsync("t/0", "1", retain: true));
        await Task.WhenAll(Enumerable.Range(1, 40).Select(number => other.PublishAsync($"t/{number}", "1", retain: true)));
        Assert.Equal(41, (await ReadAsync(node, "t/*")).Count);
        var requests = new ConcurrentQueue<string>();
        handler.OnSend = async (request, send) =>
        {
            HttpResponseMessage response = await send();
            requests.Enqueue($"{request.Method} {(IsValue(request) ? "value" : FaultyHandler.IsAppend(request) ? "append" : "other")} {(int)response.StatusCode}");
            return response;
        };
        await node.PublishAsync("t/0", "2", retain: true);
        Assert.Equal(["PUT append 201", "PUT value 201"], Taken());
        await node.PublishAsync("t/0", "", retain: true);
        Assert.Equal(["PUT append 201", "PUT value 201"], Taken());
        await node.PublishAsync("t/0", "event");
        Assert.Equal(["PUT append 201"], Taken());
        await Task.WhenAll(node.PublishAsync("t/2", "2", retain: true), node.PublishAsync("t/2", "3", retain: true));
        Assert.InRange(Taken().Length, 2, 4);
        Assert.Single(await ReadAsync(node, "t/3"));
        Assert.Equal(["GET value 304"], Taken());
        Assert.Empty(await ReadAsync(node, "missing"));
        Assert.Equal(["GET value 404"], Taken());
        Assert.Equal(40, (await ReadAsync(node, "t/*")).Count);
        Assert.Equal(["GET other 200"], Taken());
        Assert.Null(await node.Log.ReadValuesAsync(new TopicSet(["*"]), 39, Cancelled).WaitAsync(TopicNode.Limit, Cancelled));
        Assert.Equal(["GET other 200"], Taken());

        // The value of a new topic: whether it has one, how many have one, and the write.
        await node.PublishAsync("new", "1", retain: true);
        Assert.Equal(["GET value 404", "PUT append 201", "PUT value 201"], Taken());

        end = await node.Log.GetEndAsync(Cancelled).WaitAsync(TopicNode.Limit, Cancelled);
        Assert.Empty(await node.ReadAsync($"{end}"));
        Taken();
        await other.PublishAsync("t/1", "event");
        Assert.Single(await node.ReadAsync($"{end}"));
        Assert.Equal(2, Taken().Length);

        string[] Taken()
        {
            string[] taken = [.. requests];
            requests.Clear();
            return taken;
        }
    }

    [Fact]
    public async Task Repairs_of_many_topics_cost_one_list()
    {
        var time = new ManualTimeProvider();
        using var handler = new FaultyHandler();
        var container = new StorageLog(storage);
        await using TopicNode node = container.Node();
        IEventLog reader = container.Create(time, new HttpClientTransport(handler));
        LogPosition begin = await reader.GetEndAsync(Cancelled).WaitAsync(TopicNode.Limit, Cancelled);
        await Task.WhenAll(Enumerable.Range(0, 40).Select(number => node.PublishAsync($"{number}", "1", retain: true)));
        Assert.Equal(40, (await reader.ReadAsync(begin, 1 << 20, Cancelled).WaitAsync(TopicNode.Limit, Cancelled)).Records.Count);
        int requests = 0;
        handler.OnSend = async (_, send) =>
        {
            HttpResponseMessage response = await send();
            Interlocked.Increment(ref requests);
            return response;
        };
        time.Advance(RepairAge);
        await Eventually.TrueAsync(() => Volatile.Read(ref requests) == 1);
        await Task.Delay(200, Cancelled); // The time in which nothing more may be asked.
        time.Advance(10 * RepairAge);
        Assert.Equal(40, (await ReadAsync(reader, "*")).Count); // What was seen in the log need not be read again.
        Assert.Equal(2, requests);
    }

    [Fact]
    public async Task Empty_blobs_of_topics_that_were_cleared_go_after_an_hour_by_the_service_s_clock()
    {
        using var handler = new FaultyHandler();
        var container = new StorageLog(storage);
        await using TopicNode node = container.Node(transport: new HttpClientTransport(handler));
        foreach (string data in (string[])["1", ""])
        {
            await node.PublishAsync("cleared", data, retain: true);
        }

        await node.PublishAsync("kept", "1", retain: true);
        Assert.Single(await ReadAsync(node, "*"));
        Assert.Equal(2, await CountAsync());
        handler.OnSend = async (request, send) =>
        {
            HttpResponseMessage response = await send();
            response.Headers.Date = DateTimeOffset.UtcNow.AddHours(1.1);
            return response;
        };
        Assert.Single(await ReadAsync(node, "*"));
        await Eventually.TrueAsync(async () => await CountAsync() == 1);
        string id = await node.PublishAsync("cleared", "again", retain: true);
        Assert.Equal((id, "again"), await ValueAsync(node, "cleared"));

        async Task<int> CountAsync() => await container.Container.GetBlobsAsync(
            BlobTraits.None, BlobStates.None, "values/", Cancelled).CountAsync(Cancelled);
    }
}
