using System.Net;
using System.Text;
using FuncSse.Endpoints;
using FuncSse.Tests.Topics;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace FuncSse.Tests;

/// <summary>The answers that both hosts serve.</summary>
[Trait("Category", "Fast")]
public sealed class AnswerTests
{
    private static readonly (string, string)[] s_fast = [("Answers:TokensPerSecond", "1000")];

    [Fact]
    public async Task Answer_is_the_same_for_all_and_goes_on_after_an_id()
    {
        await using TopicServer server = await StartAsync();
        string whole = await ReadAsync(server, HttpMethod.Post, "answers/a", "Why?");
        Assert.StartsWith(":\n\ndata: You \nid: ", whole, StringComparison.Ordinal);
        Assert.Matches("event: done\ndata: stop\nid: [a-z0-9]{12}-[0-9]+\n\n$", whole);
        Assert.Equal(whole, await ReadAsync(server, HttpMethod.Get, "answers/a"));
        string[] frames = whole.Split("\n\n");
        Assert.Equal(
            string.Join("\n\n", (string[])[":", .. frames[6..]]), await ReadAsync(server, HttpMethod.Get, "answers/a", lastEventId: SubscriptionReader.Id(frames[5])));
        Assert.Equal(HttpStatusCode.NoContent, await StatusAsync(server, HttpMethod.Get, "answers/a", lastEventId: SubscriptionReader.Id(frames[^2])));
        Assert.Equal(HttpStatusCode.Conflict, await StatusAsync(server, HttpMethod.Post, "answers/a", "again"));
        string other = await ReadAsync(server, HttpMethod.Post, "answers/b", "Why?");
        Assert.Equal(Text(whole), Text(other));

        static string Text(string stream) => string.Concat(stream.Split('\n').Where(line => line.StartsWith("data: ", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Format_of_the_AI_SDK_has_parts_without_ids_and_nothing_after_the_end()
    {
        await using TopicServer server = await StartAsync();
        string whole = await ReadAsync(server, HttpMethod.Post, "answers/a?format=ui", "\"x\"\n");
        Assert.StartsWith(
            ":\n\ndata: {\"type\":\"start\"}\n\ndata: {\"type\":\"text-start\",\"id\":\"0\"}\n\ndata: {\"type\":\"text-delta\",\"id\":\"0\",\"delta\":\"You \"}\n\n", whole, StringComparison.Ordinal);
        Assert.EndsWith("data: {\"type\":\"text-end\",\"id\":\"0\"}\n\ndata: {\"type\":\"finish\"}\n\ndata: [DONE]\n\n", whole, StringComparison.Ordinal);
        Assert.DoesNotContain("\nid: ", whole, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.NoContent, await StatusAsync(server, HttpMethod.Get, "answers/a?format=ui"));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(server, HttpMethod.Get, "answers/a"));
    }

    [Fact]
    public async Task Stop_that_cannot_be_checked_at_present_is_no_success()
    {
        var log = new FaultyLog(new FuncSse.Topics.MemoryEventLog(new FuncSse.Topics.TopicOptions(), TimeProvider.System));
        await using TopicServer server = await TopicServer.StartAsync(
            [.. TopicServer.WithKey(), ("Topics:PublishKey", "a publish key that is long enough")],
            add: services => services.AddSingleton<FuncSse.Topics.IEventLog>(log),
            use: Map);
        string ticket = server.Tickets.Create(["answers/a"], TimeSpan.FromMinutes(5), "ann");
        log.IsUnreachable = true;
        using HttpResponseMessage answer = await server.Client.DeleteAsync($"answers/a?access_token={ticket}", TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
    }

    [Fact]
    public async Task Stop_ends_the_answer_and_says_so()
    {
        await using TopicServer server = await TopicServer.StartAsync([("Answers:TokensPerSecond", "1")], use: Map);
        using TopicClient plain = await OpenAsync(server, "answers/a", "Why?");
        using TopicClient ui = await server.OpenAsync("answers/a?format=ui");
        await plain.FrameAsync();
        for (int part = 0; part < 3; part++)
        {
            await ui.FrameAsync();
        }

        Assert.Equal(HttpStatusCode.NoContent, await StatusAsync(server, HttpMethod.Delete, "answers/a"));
        string frame;
        while (!(frame = await plain.FrameAsync()).StartsWith("event: broken\ndata: Stopped\n", StringComparison.Ordinal))
        {
            Assert.StartsWith("data: ", frame, StringComparison.Ordinal);
        }

        while ((frame = await ui.FrameAsync()) != "data: {\"type\":\"abort\"}\n\n")
        {
            Assert.StartsWith("data: {\"type\":\"text-delta\"", frame, StringComparison.Ordinal);
        }

        await Assert.ThrowsAnyAsync<IOException>(plain.RestAsync);
        await Assert.ThrowsAnyAsync<IOException>(ui.RestAsync);
        Assert.Equal(HttpStatusCode.NoContent, await StatusAsync(server, HttpMethod.Delete, "answers/unknown"));
    }

    [Fact]
    public async Task What_is_wrong_is_refused()
    {
        await using TopicServer server = await StartAsync();
        Assert.Equal(HttpStatusCode.BadRequest, await StatusAsync(server, HttpMethod.Post, "answers/a", ""));
        Assert.Equal(HttpStatusCode.BadRequest, await StatusAsync(server, HttpMethod.Post, "answers/a", [0xC3]));
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, await StatusAsync(server, HttpMethod.Post, "answers/a", new string('x', 16_385)));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(server, HttpMethod.Post, "answers/large", new string('x', 16_384)));
        foreach (string name in (string[])["$x", "x//", "a%20b", new string('x', 247), "a//b"])
        {
            Assert.Equal(HttpStatusCode.BadRequest, await StatusAsync(server, HttpMethod.Post, $"answers/{name}", "x"));
            Assert.Equal(HttpStatusCode.BadRequest, await StatusAsync(server, HttpMethod.Get, $"answers/{name}"));
            Assert.Equal(HttpStatusCode.BadRequest, await StatusAsync(server, HttpMethod.Delete, $"answers/{name}"));
        }

        foreach (string format in (string[])["format=UI", "format=", "format=ui&format=ui"])
        {
            Assert.Equal(HttpStatusCode.BadRequest, await StatusAsync(server, HttpMethod.Post, $"answers/a?{format}", "x"));
            Assert.Equal(HttpStatusCode.BadRequest, await StatusAsync(server, HttpMethod.Get, $"answers/a?{format}"));
        }

        Assert.Equal(HttpStatusCode.NoContent, await StatusAsync(server, HttpMethod.Get, "answers/unknown"));
        Assert.Equal(HttpStatusCode.NoContent, await StatusAsync(server, HttpMethod.Head, "answers/unknown"));
        Assert.Equal(HttpStatusCode.NoContent, await StatusAsync(server, HttpMethod.Options, "answers/unknown"));
    }

    [Fact]
    public async Task Starting_needs_a_key_or_a_ticket_and_following_a_ticket()
    {
        await using TopicServer server = await TopicServer.StartAsync(
            TopicServer.WithKey([("Topics:PublishKey", "a key of the publisher"), .. s_fast]), use: Map, environment: "Production");
        string mine = server.Tickets.Create(["answers/a"], TimeSpan.FromMinutes(1));
        string other = server.Tickets.Create(["answers/b"], TimeSpan.FromMinutes(1));
        foreach (HttpMethod method in (HttpMethod[])[HttpMethod.Post, HttpMethod.Delete, HttpMethod.Get, HttpMethod.Head])
        {
            Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(server, method, "answers/a", "x"));
            Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(server, method, "answers/a?access_token=x", "x"));
            Assert.Equal(HttpStatusCode.Forbidden, await StatusAsync(server, method, $"answers/a?access_token={other}", "x"));
        }

        Assert.Equal(HttpStatusCode.NoContent, await StatusAsync(server, HttpMethod.Get, $"answers/a?access_token={mine}"));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(server, HttpMethod.Post, $"answers/a?access_token={mine}", "x"));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(server, HttpMethod.Get, $"answers/a?access_token={mine}"));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(server, HttpMethod.Post, "answers/b?code=a%20key%20of%20the%20publisher", "x"));
        Assert.Equal(HttpStatusCode.NoContent, await StatusAsync(server, HttpMethod.Delete, "answers/b?code=a%20key%20of%20the%20publisher"));
    }

    private static Task<TopicServer> StartAsync() => TopicServer.StartAsync(s_fast, use: Map);

    private static void Map(WebApplication app) =>
        app.MapMethods("/answers/{*name}", ["GET", "HEAD", "POST", "DELETE", "OPTIONS"], (string? name) => new AnswerResult(name));

    private static async Task<TopicClient> OpenAsync(TopicServer server, string path, string prompt)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(prompt) };
        HttpResponseMessage response = await server.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        return new TopicClient(response, await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
    }

    private static async Task<string> ReadAsync(TopicServer server, HttpMethod method, string path, string? prompt = null, string? lastEventId = null)
    {
        using HttpResponseMessage response = await SendAsync(server, method, path, Encoding.UTF8.GetBytes(prompt ?? ""), lastEventId);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
    }

    private static Task<HttpStatusCode> StatusAsync(TopicServer server, HttpMethod method, string path, string prompt = "", string? lastEventId = null) =>
        StatusAsync(server, method, path, Encoding.UTF8.GetBytes(prompt), lastEventId);

    private static async Task<HttpStatusCode> StatusAsync(TopicServer server, HttpMethod method, string path, byte[] prompt, string? lastEventId = null)
    {
        using HttpResponseMessage response = await SendAsync(server, method, path, prompt, lastEventId);
        return response.StatusCode;
    }

    private static async Task<HttpResponseMessage> SendAsync(TopicServer server, HttpMethod method, string path, byte[] prompt, string? lastEventId)
    {
        using var request = new HttpRequestMessage(method, path);
        if (method == HttpMethod.Post)
        {
            request.Content = new ByteArrayContent(prompt);
        }

        if (lastEventId is not null)
        {
            request.Headers.Add("Last-Event-ID", lastEventId);
        }

        return await server.Client.SendAsync(request, TestContext.Current.CancellationToken);
    }
}
