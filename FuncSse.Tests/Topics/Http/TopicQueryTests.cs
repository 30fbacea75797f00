using System.Net;
using System.Text.Json;
using FuncSse.Topics;
using Microsoft.AspNetCore.Builder;

namespace FuncSse.Tests.Topics;

/// <summary>What a subscriber can choose in its query, and an app in code.</summary>
[Trait("Category", "Fast")]
public sealed class TopicQueryTests
{
    public static TheoryData<string> Texts =>
    [
        "", "plain", "{\"a\":[1,\"x\"]}", "two\nlines", "\n", "\n\n", "a\r\nb\rc\nd", "\r", "quotes \" \\ and </script>", "\0\u0001\u001f\u007f\u0085\u2028\u2029\uFEFF", "data: x\nid: 1", "é 😀",
    ];

    [Theory]
    [MemberData(nameof(Texts))]
    public async Task Envelope_carries_any_text(string data)
    {
        await using TopicServer server = await TopicServer.StartAsync([]);
        using TopicClient client = await server.OpenAsync("topics/a/*?envelope=json");
        using TopicClient plain = await server.OpenAsync("topics/a/*");
        await client.FrameAsync();
        await client.FrameAsync();
        await plain.FrameAsync();
        await plain.FrameAsync();
        string id = await server.PublishAsync("a/1", data, "kind", retain: true);
        string frame = await client.FrameAsync();
        Assert.Equal(["event: kind", "data: ", $"id: {id}", "", ""], frame.Split('\n').Select(line => line.StartsWith("data: ", StringComparison.Ordinal) ? "data: " : line));
        AssertEnvelope(frame, id, "a/1", "kind", isRetained: false, data);
        Assert.Contains("event: kind\n", await plain.FrameAsync(), StringComparison.Ordinal);
        using TopicClient resumed = await server.OpenAsync("topics/a/*?envelope=json", ("Last-Event-ID", "earliest"));
        await resumed.FrameAsync();
        await resumed.FrameAsync();
        Assert.Equal(frame, await resumed.FrameAsync());
        using TopicClient later = await server.OpenAsync("topics/a/*?envelope=json");
        await later.FrameAsync();
        if (data.Length > 0)
        {
            AssertEnvelope(await later.FrameAsync(), null, "a/1", "kind", isRetained: true, data);
        }
    }

    [Fact]
    public async Task Only_the_types_that_were_asked_for_come_and_the_position_moves_on_with_all()
    {
        await using TopicServer server = await TopicServer.StartAsync([("Sse:KeepAlive", "00:00:00.5")]);
        await server.PublishAsync("a", "value", "x", retain: true);
        using TopicClient some = await server.OpenAsync("topics/a?type=x&type=message");
        using TopicClient other = await server.OpenAsync("topics/a?type=y");
        await some.FrameAsync();
        Assert.Equal("event: x\ndata: value\n\n", await some.FrameAsync());
        Assert.StartsWith("event: position\n", await some.FrameAsync(), StringComparison.Ordinal);
        await other.FrameAsync();
        Assert.StartsWith("event: position\n", await other.FrameAsync(), StringComparison.Ordinal);
        await server.PublishAsync("a", "1", "z");
        string second = await server.PublishAsync("a", "2");
        string third = await server.PublishAsync("a", "3", "x");
        Assert.Equal($"data: 2\nid: {second}\n\n", await some.FrameAsync());
        Assert.Equal($"event: x\ndata: 3\nid: {third}\n\n", await some.FrameAsync());
        string keepAlive;
        do
        {
            keepAlive = await other.FrameAsync();
            Assert.StartsWith("event: position\n", keepAlive, StringComparison.Ordinal);
        }
        while (!keepAlive.EndsWith($"id: {third}\n\n", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Stream_without_positions_has_comments_and_a_reset_with_the_id_of_now()
    {
        await using TopicServer server = await TopicServer.StartAsync([("Sse:KeepAlive", "00:00:00.3")]);
        string last = await server.PublishAsync("a", "1", retain: true);
        using TopicClient client = await server.OpenAsync("topics/a?positions=false", ("Last-Event-ID", "unknown"));
        Assert.Equal("retry: 1000\n\n", await client.FrameAsync());
        Assert.Equal($"event: reset\ndata: {{\"reason\":\"unknown\"}}\nid: {last}\n\n", await client.FrameAsync());
        Assert.Equal("data: 1\n\n", await client.FrameAsync());
        Assert.Equal(":\n\n", await client.FrameAsync());
        string next = await server.PublishAsync("a", "2");
        string frame;
        while ((frame = await client.FrameAsync()) == ":\n\n")
        {
        }

        Assert.Equal($"data: 2\nid: {next}\n\n", frame);
    }

    [Theory]
    [InlineData("envelope=xml")]
    [InlineData("envelope=")]
    [InlineData("envelope=json&envelope=json")]
    [InlineData("positions=no")]
    [InlineData("positions=")]
    [InlineData("values=1")]
    [InlineData("type=position")]
    [InlineData("type=a&type=error")]
    [InlineData("type=%0A")]
    public async Task Other_choices_are_refused_in_one_line(string query)
    {
        await using TopicServer server = await TopicServer.StartAsync([]);
        using HttpResponseMessage response = await server.Client.GetAsync($"topics/a?{query}", TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.DoesNotContain('\n', (await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).TrimEnd());
    }

    [Fact]
    public async Task Result_takes_the_same_choices_and_a_position()
    {
        await using TopicServer server = await TopicServer.StartAsync([], use: app => app.MapGet(
            "/own",
            () => new TopicStreamResult("a") { Envelope = true, Types = ["x", "message"], Positions = false, After = "earliest" }));
        await server.PublishAsync("a", "1", "y");
        string id = await server.PublishAsync("a", "2", "x");
        using TopicClient client = await server.OpenAsync("own?envelope=json&positions=true&type=y");
        await client.FrameAsync();
        AssertEnvelope(await client.FrameAsync(), id, "a", "x", isRetained: false, "2");
        Assert.Throws<ArgumentException>(() => new TopicStreamResult("a") { Types = ["reset"] });
    }

    private static void AssertEnvelope(string frame, string? id, string topic, string? type, bool isRetained, string data)
    {
        string line = frame.Split('\n').Single(line => line.StartsWith("data: ", StringComparison.Ordinal))["data: ".Length..];
        using JsonDocument envelope = JsonDocument.Parse(line);
        Assert.Equal(["id", "topic", "type", "published", "retained", "data"], envelope.RootElement.EnumerateObject().Select(property => property.Name));
        Assert.Equal(id, envelope.RootElement.GetProperty("id").GetString());
        Assert.Equal(topic, envelope.RootElement.GetProperty("topic").GetString());
        Assert.Equal(type, envelope.RootElement.GetProperty("type").GetString());
        Assert.Equal(isRetained, envelope.RootElement.GetProperty("retained").GetBoolean());
        Assert.Equal(data, envelope.RootElement.GetProperty("data").GetString());
    }
}
