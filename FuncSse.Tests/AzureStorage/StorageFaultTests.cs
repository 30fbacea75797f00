using Azure.Core.Pipeline;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using FuncSse.Topics;
using FuncSse.Topics.AzureStorage;

namespace FuncSse.Tests.Topics;

/// <summary>A real storage whose network, process or container fails.</summary>
public sealed class StorageFaultTests(Azurite storage) : IClassFixture<Azurite>
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Answer_that_is_lost_is_one_event()
    {
        using var handler = new FaultyHandler();
        var container = new StorageLog(storage);
        await using TopicNode node = container.Node(transport: new HttpClientTransport(handler));
        await using TopicNode other = container.Node();
        string earliest = await node.EarliestAsync();
        int lost = 0;
        handler.OnSend = async (request, send) =>
        {
            HttpResponseMessage response = await send();
            if (FaultyHandler.IsAppend(request) && lost++ == 0)
            {
                response.Dispose();
                throw new HttpRequestException("The answer was lost.");
            }

            return response;
        };
        string id = await node.PublishAsync("t", "1");
        Assert.Equal(1, lost); // It was found in the log, and was not appended again.
        string after = await other.PublishAsync("t", "2");
        Assert.Equal([(id, "1"), (after, "2")], await other.ReadAsync(earliest));
        Assert.Equal([after], (await other.ReadAsync(id)).Select(one => one.Id));
    }

    [Fact]
    public async Task Append_that_comes_after_its_repetition_is_refused()
    {
        using var handler = new FaultyHandler();
        var container = new StorageLog(storage);
        await using TopicNode node = container.Node(transport: new HttpClientTransport(handler));
        await using TopicNode other = container.Node();
        string earliest = await node.EarliestAsync();
        var gate = new TaskCompletionSource();
        Task<HttpResponseMessage>? late = null;
        handler.OnSend = async (request, send) =>
        {
            if (!FaultyHandler.IsAppend(request) || late is not null)
            {
                return await send();
            }

            byte[] content = await request.Content!.ReadAsByteArrayAsync(Cancelled);
            late = SendLateAsync(request, content, gate.Task);
            throw new HttpRequestException("The connection broke.");
        };
        string id = await node.PublishAsync("t", "1");
        string after = await other.PublishAsync("t", "2");
        gate.SetResult();
        using HttpResponseMessage landed = await late!.WaitAsync(TopicNode.Limit, Cancelled);
        Assert.Equal(409, (int)landed.StatusCode);
        string last = await other.PublishAsync("t", "3");
        Assert.Equal([(id, "1"), (after, "2"), (last, "3")], await other.ReadAsync(earliest));
        Assert.Equal([(after, "2"), (last, "3")], await other.ReadAsync(id));
        Assert.Equal([(last, "3")], await other.ReadAsync(after));
    }

    [Fact]
    public async Task Segment_whose_creation_comes_late_takes_no_events()
    {
        using var handler = new FaultyHandler();
        var container = new StorageLog(
            storage, new TopicOptions { MaxLogSize = 100 }, new BlobLogLimits(1, 1 << 20, TimeSpan.FromHours(1), TimeSpan.Zero));
        await using TopicNode late = container.Node(transport: new HttpClientTransport(handler));
        await using TopicNode other = container.Node();
        string epoch = (await late.EarliestAsync()).Split('-')[0];
        handler.OnSend = async (request, send) =>
        {
            if (IsCreation(request, segment: 2))
            {
                handler.OnSend = (_, next) => next();
                await PublishUntilAsync(() => IsDeletedAsync(2));
            }

            return await send();
        };
        await late.PublishAsync("t", "first");

        // From now on nothing is deleted: an upkeep that is still under way does not know the segment of the next event.
        container.Options.MaxLogSize = 1 << 30;
        string position = await other.PublishAsync("t", "before");
        for (int number = 0; number < 5; number++)
        {
            string acknowledged = await late.PublishAsync("t", $"{number}");
            Assert.Equal([(acknowledged, $"{number}")], await other.ReadAsync(position));
            position = acknowledged;
        }

        async Task PublishUntilAsync(Func<Task<bool>> isOver) => await Eventually.TrueAsync(async () =>
        {
            await other.PublishAsync("t", "other");
            return await isOver();
        });

        async Task<bool> IsDeletedAsync(long segment) =>
            (await container.Container.GetBlobClient($"{epoch}/{segment:D10}").GetPropertiesAsync(cancellationToken: Cancelled)).Value.ContentLength == 0;
    }

    [Fact]
    public async Task Storage_that_went_back_knows_none_of_the_positions_that_it_lost()
    {
        var container = new StorageLog(storage);
        await using TopicNode node = container.Node();
        string kept = await node.PublishAsync("t", "kept");
        AppendBlobClient segment = container.Container.GetAppendBlobClient($"{kept.Split('-')[0]}/0000000001");
        BlobDownloadResult before = await segment.DownloadContentAsync(Cancelled);
        string[] lost = [await node.PublishAsync("t", "lost"), await node.PublishAsync("t", "lost")];
        Assert.Empty(await node.ReadAsync(lost[1])); // Its next look would be conditional.

        await segment.DeleteAsync(cancellationToken: Cancelled);
        await segment.CreateAsync(new AppendBlobCreateOptions { Metadata = before.Details.Metadata }, Cancelled);
        using (Stream content = before.Content.ToStream())
        {
            await segment.AppendBlockAsync(content, cancellationToken: Cancelled);
        }

        Assert.Equal(PositionState.Unknown, await node.StateAsync(lost[1]));
        string[] anew = [await node.PublishAsync("t", "anew"), await node.PublishAsync("t", "anew")];
        Assert.All(anew.Zip(lost), pair => Assert.NotEqual(pair.First, pair.Second));
        foreach (string position in lost)
        {
            Assert.Equal(PositionState.Unknown, await node.StateAsync(position));
        }

        Assert.Equal(anew, (await node.ReadAsync(kept)).Select(one => one.Id));
    }

    [Fact]
    public async Task Event_that_was_appended_is_acknowledged_although_the_segment_after_it_cannot_be_made()
    {
        using var handler = new FaultyHandler();
        var container = new StorageLog(storage, limits: new BlobLogLimits(2, 1 << 20, TimeSpan.FromHours(1), TimeSpan.FromHours(1)));
        await using TopicNode node = container.Node(transport: new HttpClientTransport(handler));
        await node.PublishAsync("t", "1");
        int appends = 0;
        handler.OnSend = (request, send) =>
        {
            bool isAppend = FaultyHandler.IsAppend(request);
            appends += isAppend ? 1 : 0;
            return isAppend ? send() : throw new HttpRequestException("The connection broke.");
        };
        string second = await node.PublishAsync("t", "2");
        Assert.Equal(1, appends);
        handler.OnSend = (_, send) => send();
        string third = await node.PublishAsync("t", "3");
        Assert.Equal([third], (await node.ReadAsync(second)).Select(one => one.Id));
    }

    [Fact]
    public async Task Instance_that_was_idle_while_segments_came_and_went_appends_to_the_newest()
    {
        using var handler = new FaultyHandler();
        var container = new StorageLog(storage, limits: new BlobLogLimits(1, 1 << 20, TimeSpan.FromHours(1), TimeSpan.FromHours(1)));
        await using TopicNode idle = container.Node(transport: new HttpClientTransport(handler));
        await using TopicNode other = container.Node();
        await idle.EarliestAsync();
        await other.PublishAsync("t", "1");
        string second = await other.PublishAsync("t", "2");
        handler.OnSend = async (request, send) =>
        {
            // Segments that are past retention go just before they are made again.
            if (request.Method == HttpMethod.Put && request.RequestUri!.AbsolutePath.EndsWith("/0000000002", StringComparison.Ordinal) && !FaultyHandler.IsAppend(request))
            {
                string epoch = second.Split('-')[0];
                await container.Container.DeleteBlobIfExistsAsync($"{epoch}/0000000001", cancellationToken: Cancelled);
                await container.Container.DeleteBlobIfExistsAsync($"{epoch}/0000000002", cancellationToken: Cancelled);
            }

            return await send();
        };
        string third = await idle.PublishAsync("t", "3");
        Assert.Equal([third], (await other.ReadAsync(second)).Select(one => one.Id));
    }

    [Fact]
    public async Task Throttling_delays_publishers_and_is_no_error()
    {
        using var handler = new FaultyHandler();
        await using TopicNode node = new StorageLog(storage).Node(transport: new HttpClientTransport(handler));
        await node.PublishAsync("t", "1");
        int refused = 0;
        handler.OnSend = (request, send) => FaultyHandler.IsAppend(request) && refused++ < 3
            ? Task.FromResult(new HttpResponseMessage(System.Net.HttpStatusCode.ServiceUnavailable) { RequestMessage = request })
            : send();
        await node.PublishAsync("t", "2");
        Assert.Equal(4, refused);
    }

    [Fact]
    public async Task Subscribers_of_another_instance_get_each_event_once_and_in_order()
    {
        var container = new StorageLog(storage);
        await using TopicNode publisher = container.Node();
        await using TopicNode node = container.Node();
        using SubscriptionReader reader = node.Subscribe("t");
        await reader.NextAsync();
        Task[] publishes = [.. Enumerable.Range(0, 50).Select(number => publisher.PublishAsync("t", $"{number}"))];
        await Task.WhenAll(publishes).WaitAsync(TopicNode.Limit, Cancelled);
        Assert.Equal(Enumerable.Range(0, 50).Select(number => $"{number}"), await reader.DataAsync(50));
    }

    [Fact]
    public async Task Container_that_is_deleted_resets_subscribers_and_goes_on()
    {
        var container = new StorageLog(storage);
        await using TopicNode node = container.Node();
        using SubscriptionReader reader = node.Subscribe("t");
        await reader.NextAsync();
        await node.PublishAsync("t", "1");
        Assert.Equal("1", await reader.DataAsync());
        await container.Container.DeleteAsync(cancellationToken: Cancelled);
        string reset = await reader.NextAsync();
        Assert.StartsWith("event: reset\ndata: {\"reason\":\"unknown\"}\n\n", reset, StringComparison.Ordinal);
        await node.PublishAsync("t", "2");
        Assert.Equal("2", await reader.DataAsync());
    }

    [Fact]
    public async Task Storage_that_stops_and_starts_again_loses_nothing_acknowledged()
    {
        await using var own = new AzuriteServer();
        await own.StartAsync();
        var container = new StorageLog(own.ConnectionString);
        await using TopicNode node = container.Node();
        using SubscriptionReader reader = node.Subscribe("t");
        await reader.NextAsync();
        string first = await node.PublishAsync("t", "1");
        Assert.Equal("1", await reader.DataAsync());
        await own.StopAsync();
        await Assert.ThrowsAsync<EventLogUnavailableException>(() => node.PublishAsync("t", "lost"));
        await own.StartAsync();
        await node.PublishAsync("t", "2");
        Assert.Equal("2", await reader.DataAsync());
        Assert.Equal(["2"], (await node.ReadAsync(first)).Select(one => one.Data));
        Assert.Single(node.Logs.GetSnapshot(), entry => entry.Message.Contains("cannot be reached", StringComparison.Ordinal));
    }

    private static bool IsCreation(HttpRequestMessage request, long segment) =>
        request.Method == HttpMethod.Put && request.RequestUri!.Query.Length == 0
        && request.RequestUri.AbsolutePath.EndsWith($"/{segment:D10}", StringComparison.Ordinal);

    private static async Task<HttpResponseMessage> SendLateAsync(HttpRequestMessage request, byte[] content, Task gate)
    {
        // The request is the client's own, signature and all.
        var copy = new HttpRequestMessage(request.Method, request.RequestUri) { Content = new ByteArrayContent(content) };
        foreach ((string name, IEnumerable<string> values) in request.Headers)
        {
            copy.Headers.TryAddWithoutValidation(name, values);
        }

        foreach ((string name, IEnumerable<string> values) in request.Content!.Headers)
        {
            copy.Content.Headers.TryAddWithoutValidation(name, values);
        }

        await gate.WaitAsync(TopicNode.Limit);
        using var client = new HttpClient();
        return await client.SendAsync(copy);
    }
}
