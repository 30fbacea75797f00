using System.Net.ServerSentEvents;
using FuncSse.Streaming;
using FuncSse.Topics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;

namespace FuncSse.Tests.Topics;

/// <summary>Reading topics in code.</summary>
[Trait("Category", "Fast")]
public sealed class ReaderTests : IAsyncDisposable
{
    private readonly FaultyLog _log = new(new MemoryEventLog(new TopicOptions(), TimeProvider.System));
    private readonly TopicNode _node;
    private readonly TopicReader _reader;

    public ReaderTests()
    {
        _node = new TopicNode(_log);
        _reader = new TopicReader(_node.Hub);
    }

    [Fact]
    public async Task Reader_gets_the_values_and_then_each_event_once_in_order()
    {
        await _node.PublishAsync("a/1", "value", "t", retain: true);
        await using IAsyncEnumerator<TopicMessage> messages = Read(["a/*", "a/1"]);
        TopicMessage value = await NextAsync(messages);
        Assert.Equal((TopicMessageKind.RetainedValue, null, "a/1", "t", "value"), (value.Kind, value.Id, value.Topic, value.Type, value.Data));
        ValueTask<bool> next = messages.MoveNextAsync();
        await Eventually.TrueAsync(() => _node.Hub.Ring.Head is not null);
        var ids = new List<string>();
        for (int number = 0; number < 1000; number++)
        {
            ids.Add(await _node.PublishAsync($"a/{number % 3}", $"{number}"));
        }

        for (int number = 0; number < 1000; number++)
        {
            Assert.True(await next.AsTask().WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken));
            TopicMessage message = messages.Current;
            Assert.Equal((TopicMessageKind.Event, ids[number], $"a/{number % 3}", null, $"{number}"), (message.Kind, message.Id, message.Topic, message.Type, message.Data));
            next = number < 999 ? messages.MoveNextAsync() : default;
        }
    }

    [Fact]
    public async Task Reader_goes_on_from_an_id_and_from_the_earliest()
    {
        string first = await _node.PublishAsync("a", "1");
        string second = await _node.PublishAsync("a", "2\r\n3");
        await using IAsyncEnumerator<TopicMessage> after = Read(["a"], first);
        Assert.Equal((second, "2\r\n3"), await PairAsync(after));
        await using IAsyncEnumerator<TopicMessage> earliest = Read(["a"], "earliest");
        Assert.Equal((first, "1"), await PairAsync(earliest));
        Assert.Equal((second, "2\r\n3"), await PairAsync(earliest));
    }

    [Fact]
    public async Task Loss_is_a_message_and_reading_goes_on()
    {
        string last = await _node.PublishAsync("a", "1", retain: true);
        await using IAsyncEnumerator<TopicMessage> messages = Read(["a"], "unknown");
        TopicMessage loss = await NextAsync(messages);
        Assert.Equal((TopicMessageKind.Loss, last, "unknown"), (loss.Kind, loss.Id, loss.Data));
        Assert.Equal(TopicMessageKind.RetainedValue, (await NextAsync(messages)).Kind);
        ValueTask<bool> next = messages.MoveNextAsync();
        string id = await _node.PublishAsync("a", "2");
        Assert.True(await next.AsTask().WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken));
        Assert.Equal(id, messages.Current.Id);
    }

    [Fact]
    public async Task Reader_whose_hub_lost_its_place_between_a_loss_and_the_values_gets_the_values()
    {
        await _node.PublishAsync("a", "1", retain: true);
        await using IAsyncEnumerator<TopicMessage> messages = Read(["a"], "unknown");
        Assert.Equal(TopicMessageKind.Loss, (await NextAsync(messages)).Kind);
        bool isLost = true;
        _log.OnRead = async (position, read) =>
        {
            LogPage page = await read();
            bool loses = isLost && page.Records.Count > 0;
            isLost &= !loses;
            return loses ? new LogPage(PositionState.Unknown, [], position) : page;
        };
        await _node.PublishAsync("b", "2");
        await Eventually.TrueAsync(() => !isLost && _node.Hub.Ring.Head is null);
        Task<bool> moved = messages.MoveNextAsync().AsTask();
        await Task.Delay(1500, TestContext.Current.CancellationToken);
        await _node.PublishAsync("a", "event");
        Assert.True(await moved.WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken));
        TopicMessage next = messages.Current;
        next = next.Kind == TopicMessageKind.Loss ? await NextAsync(messages) : next;
        Assert.Equal((TopicMessageKind.RetainedValue, "1"), (next.Kind, next.Data));
    }

    [Fact]
    public async Task Reader_whose_hub_lost_its_place_comes_back_without_a_loss()
    {
        string first = await _node.PublishAsync("a", "1");
        await using IAsyncEnumerator<TopicMessage> messages = Read(["a"], "earliest");
        Assert.Equal((first, "1"), await PairAsync(messages));
        bool isLost = true;
        _log.OnRead = async (position, read) =>
        {
            LogPage page = await read();
            bool loses = isLost && page.Records.Count > 0;
            isLost &= !loses;
            return loses ? new LogPage(PositionState.Unknown, [], position) : page;
        };
        ValueTask<bool> next = messages.MoveNextAsync();
        string second = await _node.PublishAsync("a", "2");
        Assert.True(await next.AsTask().WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken));
        Assert.Equal(second, messages.Current.Id);
        Assert.False(isLost);
    }

    [Fact]
    public async Task Reading_ends_when_it_is_cancelled_or_the_host_stops()
    {
        using var cancel = new CancellationTokenSource();
        await using IAsyncEnumerator<TopicMessage> cancelled = _reader.ReadAsync(["a"], null, cancel.Token).GetAsyncEnumerator(CancellationToken.None);
        await using IAsyncEnumerator<TopicMessage> stopped = Read(["a"]);
        Task<bool> first = cancelled.MoveNextAsync().AsTask();
        Task<bool> second = stopped.MoveNextAsync().AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first.WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken));
        await _node.Hub.DisposeAsync();
        Assert.False(await second.WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Wrong_topics_throw_at_once()
    {
        Assert.Throws<ArgumentException>(() => _reader.ReadAsync([], cancellationToken: TestContext.Current.CancellationToken));
        Assert.Throws<ArgumentException>(() => _reader.ReadAsync(["$a"], cancellationToken: TestContext.Current.CancellationToken));
        Assert.Throws<ArgumentException>(() => _reader.ReadAsync(["a//b"], cancellationToken: TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Feed_of_ones_own_resumes_by_the_id_of_a_message()
    {
        string first = await _node.PublishAsync("a", "1");
        string second = await _node.PublishAsync("a", "2");
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddServerSentEvents();
        await using WebApplication app = builder.Build();
        app.MapServerSentEvents("/own", (lastEventId, token) => _reader.ReadAsync(["a"], lastEventId, token)
            .Take(1).Select(message => new SseItem<string>($"<{message.Data}>") { EventId = message.Id }));
        await app.StartAsync(TestContext.Current.CancellationToken);
        using var client = new HttpClient { Timeout = TopicNode.Limit };
        using var request = new HttpRequestMessage(HttpMethod.Get, $"{app.Urls.Single()}/own");
        request.Headers.Add("Last-Event-ID", first);
        using HttpResponseMessage response = await client.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(
            $"retry: 1000\n\ndata: <2>\nid: {second}\n\n", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    public ValueTask DisposeAsync() => _node.DisposeAsync();

    private IAsyncEnumerator<TopicMessage> Read(string[] topics, string? after = null) =>
        _reader.ReadAsync(topics, after, TestContext.Current.CancellationToken).GetAsyncEnumerator(TestContext.Current.CancellationToken);

    private static async Task<TopicMessage> NextAsync(IAsyncEnumerator<TopicMessage> messages)
    {
        Assert.True(await messages.MoveNextAsync().AsTask().WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken));
        return messages.Current;
    }

    private static async Task<(string?, string)> PairAsync(IAsyncEnumerator<TopicMessage> messages)
    {
        TopicMessage message = await NextAsync(messages);
        return (message.Id, message.Data);
    }
}
