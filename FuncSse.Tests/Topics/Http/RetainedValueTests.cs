using System.Net;
using System.Text;
using System.Text.Json;
using FuncSse.Topics;
using Microsoft.Extensions.DependencyInjection;

namespace FuncSse.Tests.Topics;

/// <summary>What a client on the wire gets of retained values.</summary>
[Trait("Category", "Fast")]
public sealed class RetainedValueTests
{
    private const string Retry = "retry: 1000\n\n";

    [Fact]
    public async Task New_stream_begins_with_the_values_and_then_its_position()
    {
        await using TopicServer server = await TopicServer.StartAsync([]);
        await server.PublishAsync("sensors/1", "10", retain: true);
        string id = await PublishAsync(server, "sensors/1?retain=true&type=temperature", "11");
        await server.PublishAsync("sensors/2", "not kept");
        using TopicClient client = await server.OpenAsync("topics/sensors/1");
        Assert.Equal(Retry, await client.FrameAsync());
        Assert.Equal("event: temperature\ndata: 11\n\n", await client.FrameAsync());
        Assert.Equal($"event: position\ndata: {{}}\nid: {id[..id.LastIndexOf('-', id.LastIndexOf('-') - 1)]}-3", (await client.FrameAsync())[..^7]);
        string next = await server.PublishAsync("sensors/1", "12");
        Assert.Equal($"data: 12\nid: {next}\n\n", await client.FrameAsync());
    }

    [Fact]
    public async Task Stream_of_several_topics_has_each_value_once()
    {
        await using TopicServer server = await TopicServer.StartAsync([]);
        foreach (string topic in (string[])["a", "x/1", "x/2", "y"])
        {
            await server.PublishAsync(topic, topic, retain: true);
        }

        using TopicClient client = await server.OpenAsync("topics?topic=a&topic=x/*&topic=x/1");
        Assert.Equal(Retry, await client.FrameAsync());
        string[] values = [await client.FrameAsync(), await client.FrameAsync(), await client.FrameAsync()];
        Assert.Equal(["data: a\n\n", "data: x/1\n\n", "data: x/2\n\n"], values.Order(StringComparer.Ordinal));
        Assert.StartsWith("event: position\n", await client.FrameAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Client_that_resumes_or_asks_for_the_earliest_gets_events_and_no_values()
    {
        await using TopicServer server = await TopicServer.StartAsync([]);
        string first = await server.PublishAsync("a", "1", retain: true);
        string second = await server.PublishAsync("a", "2", retain: true);
        foreach ((string after, string[] missed) in ((string, string[])[])[(first, [second]), ("earliest", [first, second]), (second, [])])
        {
            using TopicClient client = await server.OpenAsync("topics/a", ("Last-Event-ID", after));
            Assert.Equal(Retry, await client.FrameAsync());
            Assert.StartsWith("event: position\n", await client.FrameAsync(), StringComparison.Ordinal);
            foreach (string id in missed)
            {
                Assert.EndsWith($"id: {id}\n\n", await client.FrameAsync(), StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public async Task Client_that_lost_events_is_told_and_gets_the_values_before_its_position()
    {
        await using TopicServer server = await TopicServer.StartAsync([]);
        await server.PublishAsync("a", "1", retain: true);
        using TopicClient client = await server.OpenAsync("topics/a", ("Last-Event-ID", "unknown"));
        Assert.Equal(Retry, await client.FrameAsync());
        Assert.Equal("event: reset\ndata: {\"reason\":\"unknown\"}\n\n", await client.FrameAsync());
        Assert.Equal("data: 1\n\n", await client.FrameAsync());
        Assert.StartsWith("event: position\n", await client.FrameAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Empty_data_clears_the_value_and_reaches_open_streams()
    {
        await using TopicServer server = await TopicServer.StartAsync([]);
        await server.PublishAsync("a", "1", retain: true);
        using TopicClient open = await server.OpenAsync("topics/a");
        await open.FrameAsync();
        Assert.Equal("data: 1\n\n", await open.FrameAsync());
        await open.FrameAsync();
        string id = await PublishAsync(server, "a?retain=true", "");
        Assert.Equal($"data: \nid: {id}\n\n", await open.FrameAsync());
        using TopicClient later = await server.OpenAsync("topics/a");
        await later.FrameAsync();
        Assert.StartsWith("event: position\n", await later.FrameAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task More_than_a_thousand_values_are_told_in_place_of_all()
    {
        await using TopicServer server = await TopicServer.StartAsync([]);
        for (int number = 0; number < 1000; number++)
        {
            await server.PublishAsync($"a/{number}", "1", retain: true);
        }

        using TopicClient all = await server.OpenAsync("topics/a/*");
        await all.FrameAsync();
        for (int number = 0; number < 1000; number++)
        {
            Assert.Equal("data: 1\n\n", await all.FrameAsync());
        }

        await server.PublishAsync("a/x", "1", retain: true);
        using TopicClient none = await server.OpenAsync("topics/a/*");
        Assert.Equal(Retry, await none.FrameAsync());
        Assert.Equal("event: reset\ndata: {\"reason\":\"overflow\"}\n\n", await none.FrameAsync());
        Assert.StartsWith("event: position\n", await none.FrameAsync(), StringComparison.Ordinal);
        using HttpResponseMessage values = await server.Client.GetAsync("topics/a/*?values=true", TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.BadRequest, values.StatusCode);
    }

    [Fact]
    public async Task Values_are_bounded_in_size_and_number()
    {
        await using TopicServer server = await TopicServer.StartAsync([("Topics:MaxRetained", "2")]);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(server, "a?retain=true", new string('x', 65_536)));
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, await StatusAsync(server, "a?retain=true", new string('x', 65_537)));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(server, "a?retain=false", new string('x', 65_537)));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(server, "b?retain=true", "1"));
        using TopicClient client = await server.OpenAsync("topics/c");
        await client.FrameAsync();
        await client.FrameAsync();
        Assert.Equal(HttpStatusCode.Conflict, await StatusAsync(server, "c?retain=true", "1"));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(server, "a?retain=true", "2"));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(server, "a?retain=true", ""));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(server, "c?retain=true", "2"));
        Assert.StartsWith("data: 2\n", await client.FrameAsync(), StringComparison.Ordinal);
        await Assert.ThrowsAsync<RetainedValuesFullException>(() => server.PublishAsync("d", "1", retain: true));
        await Assert.ThrowsAsync<EventTooLargeException>(() => server.PublishAsync("a", new string('x', 65_537), retain: true));
    }

    [Theory]
    [InlineData("retain=maybe")]
    [InlineData("retain=")]
    [InlineData("retain=True")]
    [InlineData("retain=true&retain=true")]
    public async Task Publisher_that_asks_for_something_else_is_refused(string query)
    {
        await using TopicServer server = await TopicServer.StartAsync([]);
        Assert.Equal(HttpStatusCode.BadRequest, await StatusAsync(server, $"a?{query}", "1"));
    }

    [Theory]
    [InlineData("$revoked/a")]
    [InlineData("$")]
    [InlineData("%24a")]
    public async Task Reserved_names_are_refused(string name)
    {
        await using TopicServer server = await TopicServer.StartAsync([]);
        Assert.Equal(HttpStatusCode.BadRequest, await StatusAsync(server, name, "1"));
        Assert.Equal(HttpStatusCode.BadRequest, (await server.HeadAsync($"topics/{name}")).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await server.HeadAsync($"topics/{name}/*")).StatusCode);
    }

    [Fact]
    public async Task Publishers_that_come_at_once_do_not_exceed_the_number_of_values()
    {
        await using TopicServer server = await TopicServer.StartAsync([("Topics:MaxRetained", "10")]);
        await Task.WhenAll(Enumerable.Range(0, 200).Select(async number =>
        {
            try
            {
                await server.PublishAsync($"r/{number}", "1", retain: true);
            }
            catch (RetainedValuesFullException)
            {
            }
        }));
        IReadOnlyList<RetainedValue>? values = await server.Services.GetRequiredService<IEventLog>()
            .ReadValuesAsync(new TopicSet(["*"]), 1000, TestContext.Current.CancellationToken);
        Assert.Equal(10, values!.Count);
    }

    [Fact]
    public async Task Values_come_without_a_stream_with_a_position_to_go_on_from()
    {
        await using TopicServer server = await TopicServer.StartAsync([]);
        const string Data = "\"\\\r\n\u2028\u2029\0\u001f</script> é 😀";
        await server.PublishAsync("x/1", Data, "t", retain: true);
        await server.PublishAsync("x/2", "2", retain: true);
        using HttpResponseMessage response = await server.Client.GetAsync("topics/x/*?values=true", TestContext.Current.CancellationToken);
        Assert.Equal("application/json", response.Content.Headers.ContentType!.ToString());
        using JsonDocument answer = JsonDocument.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        JsonElement value = answer.RootElement.GetProperty("values").EnumerateArray().Single(one => one.GetProperty("topic").GetString() == "x/1");
        Assert.Equal(2, answer.RootElement.GetProperty("values").GetArrayLength());
        Assert.Equal(["id", "topic", "type", "published", "retained", "data"], value.EnumerateObject().Select(property => property.Name));
        Assert.Equal(JsonValueKind.Null, value.GetProperty("id").ValueKind);
        Assert.Equal("t", value.GetProperty("type").GetString());
        Assert.True(value.GetProperty("retained").GetBoolean());
        Assert.Equal(Data, value.GetProperty("data").GetString());
        Assert.InRange(DateTimeOffset.UtcNow - value.GetProperty("published").GetDateTimeOffset(), TimeSpan.FromSeconds(-1), TimeSpan.FromMinutes(1));
        string position = answer.RootElement.GetProperty("position").GetString()!;
        string next = await server.PublishAsync("x/1", "3");
        using TopicClient client = await server.OpenAsync("topics/x/*", ("Last-Event-ID", position));
        await client.FrameAsync();
        Assert.Equal($"event: position\ndata: {{}}\nid: {position}\n\n", await client.FrameAsync());
        Assert.Equal($"data: 3\nid: {next}\n\n", await client.FrameAsync());
        Assert.Equal(HttpStatusCode.OK, (await server.HeadAsync("topics/x/*?values=true")).StatusCode);
    }

    [Fact]
    public async Task Values_are_checked_like_a_stream_and_wait_for_no_log_that_is_away()
    {
        var log = new FaultyLog(new MemoryEventLog(new TopicOptions(), TimeProvider.System));
        await using TopicServer server = await TopicServer.StartAsync(TopicServer.WithKey(), add: services => services.AddSingleton<IEventLog>(log));
        string ticket = server.Tickets.Create(["a"], TimeSpan.FromMinutes(1));
        Assert.Equal(HttpStatusCode.Unauthorized, (await server.HeadAsync("topics/a?values=true")).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await server.HeadAsync($"topics/b?values=true&access_token={ticket}")).StatusCode);
        log.IsUnreachable = true;
        using HttpResponseMessage away = await server.HeadAsync($"topics/a?values=true&access_token={ticket}");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, away.StatusCode);
        Assert.Equal(TimeSpan.FromSeconds(1), away.Headers.RetryAfter!.Delta);
        log.IsUnreachable = false;
        Assert.Equal(HttpStatusCode.OK, (await server.HeadAsync($"topics/a?values=true&access_token={ticket}")).StatusCode);
    }

    private static async Task<string> PublishAsync(TopicServer server, string address, string body)
    {
        using var content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
        using HttpResponseMessage response = await server.Client.PostAsync($"topics/{address}", content, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
    }

    private static async Task<HttpStatusCode> StatusAsync(TopicServer server, string address, string body)
    {
        using var content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
        using HttpResponseMessage response = await server.Client.PostAsync($"topics/{address}", content, TestContext.Current.CancellationToken);
        return response.StatusCode;
    }
}
