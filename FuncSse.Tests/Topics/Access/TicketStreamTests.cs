using System.Net;

namespace FuncSse.Tests.Topics;

/// <summary>How a ticket is presented, what it opens, and how long.</summary>
[Trait("Category", "Fast")]
public sealed class TicketStreamTests
{
    [Theory]
    [InlineData("good", null, null, 200)]
    [InlineData(null, "good", null, 200)]
    [InlineData(null, null, "good", 200)]
    [InlineData(null, null, null, 401)]
    [InlineData("bad", null, null, 401)]
    [InlineData(null, "bad", null, 401)]
    [InlineData(null, null, "bad", 401)]
    [InlineData("other", null, null, 403)]
    [InlineData(null, "other", null, 403)]
    [InlineData(null, null, "other", 403)]
    [InlineData("bad", "good", "good", 401)]
    [InlineData("other", "good", "good", 403)]
    [InlineData(null, "bad", "good", 401)]
    [InlineData(null, "other", "good", 403)]
    [InlineData("good", "bad", "bad", 200)]
    [InlineData(null, "good", "bad", 200)]
    [InlineData("", "good", "good", 401)]
    [InlineData(null, "", "good", 200)]
    [InlineData(null, null, "", 401)]
    public async Task First_ticket_that_is_there_decides(string? header, string? cookie, string? query, int status)
    {
        await using TopicServer server = await TopicServer.StartAsync(TopicServer.WithKey());
        var headers = new List<(string, string)> { ("Origin", "https://example.com") };
        if (header is not null)
        {
            headers.Add(("Authorization", $"Bearer {Ticket(header)}"));
        }

        if (cookie is not null)
        {
            headers.Add(("Cookie", $"other=1; funcsse_ticket={Ticket(cookie)}"));
        }

        using HttpResponseMessage response = await server.HeadAsync($"topics/a{(query is null ? "" : $"?access_token={Ticket(query)}")}", [.. headers]);
        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal("*", Assert.Single(response.Headers.GetValues("Access-Control-Allow-Origin")));
        string challenge = status == 401 ? (header ?? cookie ?? query) is null ? "Bearer" : "Bearer error=\"invalid_token\""
            : status == 403 ? "Bearer error=\"insufficient_scope\"" : "";
        Assert.Equal(challenge, response.Headers.WwwAuthenticate.ToString());

        string Ticket(string kind) => kind switch
        {
            "good" => server.Tickets.Create(["a"], TimeSpan.FromMinutes(1)),
            "other" => server.Tickets.Create(["b"], TimeSpan.FromMinutes(1)),
            _ => kind,
        };
    }

    [Theory]
    [InlineData("topics/a?access_token={0}&access_token={0}", "Bearer {0}", 400)]
    [InlineData("topics/a?access_token={0}&Access_Token=", null, 400)]
    [InlineData("topics/a?access%5Ftoken={0}", null, 200)]
    [InlineData("topics/a", "bearer {0}", 200)]
    [InlineData("topics/a", "Bearer   {0}", 200)]
    [InlineData("topics/a", "Bearer{0}", 401)]
    [InlineData("topics/a", "Bearer", 401)]
    [InlineData("topics/a?access_token={0}", "Bearer", 401)]
    [InlineData("topics/a?access_token={0}", "Basic YTpi", 200)]
    [InlineData("topics/a?access_token={0}", "Bearer2 x", 200)]
    [InlineData("topics/a", "Basic {0}", 401)]
    [InlineData("topics/a//b?access_token=bad", null, 400)]
    [InlineData("topics?access_token=bad", null, 400)]
    public async Task Request_is_read_as_the_standard_says(string path, string? authorization, int status)
    {
        await using TopicServer server = await TopicServer.StartAsync(TopicServer.WithKey());
        string ticket = server.Tickets.Create(["a"], TimeSpan.FromMinutes(1));
        (string, string)[] headers = authorization is null ? [] : [("Authorization", authorization.Replace("{0}", ticket, StringComparison.Ordinal))];
        using HttpResponseMessage response = await server.HeadAsync(path.Replace("{0}", ticket, StringComparison.Ordinal), headers);
        Assert.Equal(status, (int)response.StatusCode);
    }

    [Fact]
    public async Task Two_headers_are_a_bad_ticket()
    {
        await using TopicServer server = await TopicServer.StartAsync(TopicServer.WithKey());
        string ticket = server.Tickets.Create(["a"], TimeSpan.FromMinutes(1));
        string host = server.Client.BaseAddress!.Authority;
        using RawClient client = await RawClient.SendAsync(
            server.Client.BaseAddress,
            System.Text.Encoding.ASCII.GetBytes(
                $"HEAD /topics/a HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {ticket}\r\nAuthorization: Bearer {ticket}\r\nConnection: close\r\n\r\n"));
        Assert.StartsWith("HTTP/1.1 401", await client.ReadUntilAsync("\r\n\r\n").WaitAsync(TopicServer.Limit, TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("topics/a", 403)]
    [InlineData("topics/ab", 403)]
    [InlineData("topics/A/b", 403)]
    [InlineData("topics/b", 403)]
    [InlineData("topics/*", 403)]
    [InlineData("topics/a/b", 200)]
    [InlineData("topics/a/b/c", 200)]
    [InlineData("topics/a/*", 200)]
    [InlineData("topics/a/b/*", 200)]
    [InlineData("topics/a%2Fb", 200)]
    [InlineData("topics/a%2fb", 200)]
    [InlineData("topics/a%252Fb", 200)]
    [InlineData("topics/%61/b", 200)]
    [InlineData("topics/b%2Fb", 403)]
    [InlineData("topics/b%252Fb", 403)]
    [InlineData("topics/a%25252Fb", 400)]
    [InlineData("topics/a/../b", 403)]
    [InlineData("topics/a/%2e%2e/b", 403)]
    [InlineData("topics/a/..%2Fb", 400)]
    [InlineData("topics/a/..%252Fb", 400)]
    [InlineData("topics/a/", 400)]
    [InlineData("topics?topic=a/b", 200)]
    [InlineData("topics?topic=a%2Fb", 200)]
    [InlineData("topics?topic=a%252Fb", 400)]
    [InlineData("topics?topic=a/../b", 400)]
    [InlineData("topics?topic=a/b&topic=b", 403)]
    [InlineData("topics?topic=a/b&topic=a/c/*", 200)]
    [InlineData("topics?topic=a/b&topic=*", 403)]
    [InlineData("topics?topic=open/x", 200)]
    [InlineData("topics?topic=open/x&topic=a/b", 200)]
    [InlineData("topics?topic=open/x&topic=b", 403)]
    public async Task Ticket_opens_what_it_names_however_that_is_spelled(string path, int status)
    {
        await using TopicServer server = await TopicServer.StartAsync(TopicServer.WithKey(("Topics:Public", "news open/*")));
        (string, string) ticket = ("Authorization", $"Bearer {server.Tickets.Create(["a/*"], TimeSpan.FromMinutes(1))}");
        using HttpResponseMessage response = await server.HeadAsync(path, ticket);
        Assert.Equal(status, (int)response.StatusCode);
    }

    [Theory]
    [InlineData("news", 200)]
    [InlineData("open/x", 200)]
    [InlineData("open/*", 200)]
    [InlineData("open", 401)]
    [InlineData("news/x", 401)]
    [InlineData("*", 401)]
    public async Task Public_topics_need_no_ticket(string topic, int status)
    {
        await using TopicServer server = await TopicServer.StartAsync(TopicServer.WithKey(("Topics:Public", "news open/*")));
        using HttpResponseMessage response = await server.HeadAsync($"topics/{topic}");
        Assert.Equal(status, (int)response.StatusCode);
        using HttpResponseMessage preflight =
            await server.Client.SendAsync(new HttpRequestMessage(HttpMethod.Options, $"topics/{topic}"), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.NoContent, preflight.StatusCode);
    }

    [Fact]
    public async Task Without_a_key_topics_are_public()
    {
        await using TopicServer server = await TopicServer.StartAsync([]);
        using HttpResponseMessage response = await server.HeadAsync("topics/a", ("Authorization", "Bearer bad"));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Fact]
    public async Task Name_that_is_encoded_twice_is_the_same_at_the_check_and_at_the_subscription()
    {
        await using TopicServer server = await TopicServer.StartAsync(TopicServer.WithKey());
        (string, string) ticket = ("Authorization", $"Bearer {server.Tickets.Create(["a/b"], TimeSpan.FromMinutes(1))}");
        using TopicClient stream = await server.OpenAsync("topics/a%252Fb", ticket);
        await stream.FrameAsync();
        await stream.FrameAsync();
        await server.PublishAsync("a/b", "hello");
        Assert.StartsWith("data: hello\n", await stream.FrameAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stream_ends_with_its_ticket_and_its_return_is_checked_again()
    {
        var time = new ManualTimeProvider();
        await using TopicServer server = await TopicServer.StartAsync(TopicServer.WithKey(), time);
        (string, string) ticket = ("Authorization", $"Bearer {server.Tickets.Create(["a"], TimeSpan.FromSeconds(10))}");
        using TopicClient stream = await server.OpenAsync("topics/a", ticket);
        await stream.FrameAsync();
        await stream.FrameAsync();
        time.Advance(TimeSpan.FromSeconds(9.9));
        string last = await server.PublishAsync("a", "in time");
        Assert.Equal($"data: in time\nid: {last}\n\n", await stream.FrameAsync());
        time.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal("event: expired\ndata: {}\n\n", await stream.RestAsync());
        await Eventually.TrueAsync(() => server.Logs.GetSnapshot().Any(entry => entry.Message.EndsWith("ticket_expired.", StringComparison.Ordinal)));

        await server.PublishAsync("a", "too late");
        using HttpResponseMessage refused = await server.HeadAsync("topics/a", ticket, ("Last-Event-ID", last));
        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        (string, string) others = ("Authorization", $"Bearer {server.Tickets.Create(["b"], TimeSpan.FromSeconds(10))}");
        using HttpResponseMessage forbidden = await server.HeadAsync("topics/a", others, ("Last-Event-ID", last));
        Assert.Equal(HttpStatusCode.Forbidden, forbidden.StatusCode);
        (string, string) next = ("Authorization", $"Bearer {server.Tickets.Create(["a"], TimeSpan.FromSeconds(10))}");
        using TopicClient again = await server.OpenAsync("topics/a", next, ("Last-Event-ID", last));
        await again.FrameAsync();
        await again.FrameAsync();
        Assert.StartsWith("data: too late\n", await again.FrameAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nothing_is_sent_after_the_end_of_a_ticket_that_the_sweep_has_not_seen_yet()
    {
        var time = new ManualTimeProvider();
        await using TopicServer server = await TopicServer.StartAsync(TopicServer.WithKey(), time);
        using TopicClient stream = await server.OpenAsync("topics/a", ("Authorization", $"Bearer {server.Tickets.Create(["a"], TimeSpan.FromSeconds(10))}"));
        await stream.FrameAsync();
        await stream.FrameAsync();
        time.Jump(TimeSpan.FromSeconds(10));
        await server.PublishAsync("a", "too late");
        Assert.Equal("event: expired\ndata: {}\n\n", await stream.RestAsync());
    }

    [Fact]
    public async Task Stream_whose_ticket_outlives_it_is_renewed()
    {
        var time = new ManualTimeProvider();
        await using TopicServer server = await TopicServer.StartAsync(TopicServer.WithKey(("Sse:MaxDuration", "00:00:05")), time);
        (string, string) ticket = ("Authorization", $"Bearer {server.Tickets.Create(["a"], TimeSpan.FromSeconds(10))}");
        using TopicClient stream = await server.OpenAsync("topics/a", ticket);
        await stream.FrameAsync();
        await stream.FrameAsync();
        time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal("retry: 100\n\n", await stream.RestAsync());
        using HttpResponseMessage response = await server.HeadAsync("topics/a", ticket);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }
}
