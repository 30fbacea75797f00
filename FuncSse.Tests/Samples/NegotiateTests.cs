using System.Net;
using System.Text.Json;
using FuncSse.Streaming;
using FuncSse.Tests.Topics;
using FuncSse.Topics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using Negotiate;
using static Microsoft.Playwright.Assertions;

namespace FuncSse.Tests.Samples;

/// <summary>The sample whose users ask for the address and the ticket of their streams, and its page in the browsers of two users.</summary>
public sealed class NegotiateTests(Browser browser) : IClassFixture<Browser>
{
    [Fact]
    public async Task Signed_in_user_gets_the_address_and_the_cookie()
    {
        await using SampleServer server = await StartAsync();
        using HttpResponseMessage response = await server.SendAsync(HttpMethod.Post, "negotiate", headers: AppService.User("ann"));
        Assert.True(response.Headers.CacheControl!.NoStore);
        string cookie = Assert.Single(response.Headers.GetValues("Set-Cookie"));
        Assert.Matches("^funcsse_ticket=[^;]+; expires=[^;]+; path=/topics; secure; samesite=strict; httponly$", cookie);
        JsonElement answer = await ReadAsync(response);
        Assert.Equal(["url"], answer.EnumerateObject().Select(property => property.Name));

        string url = answer.GetProperty("url").GetString()!;
        using TopicClient stream = await server.OpenAsync(HttpMethod.Get, url, headers: ("Cookie", cookie.Split(';')[0]));
        await stream.FrameAsync();
        await stream.FrameAsync();
        await PublishAsync(server, "users/bob/orders", "for bob");
        await PublishAsync(server, "users/ann/orders", "for ann");
        await PublishAsync(server, "news", "for all");
        Assert.StartsWith("data: for ann\n", await stream.FrameAsync(), StringComparison.Ordinal);
        Assert.StartsWith("data: for all\n", await stream.FrameAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ann/x", "ann~2Fx")]
    [InlineData("..", "~2E~2E")]
    [InlineData("*", "~2A")]
    [InlineData("a b", "a~20b")]
    [InlineData("%2F", "~252F")]
    [InlineData("ann&topic=*", "ann~26topic~3D~2A")]
    [InlineData("auth0|5f7c", "auth0~7C5f7c")]
    [InlineData("CONTOSO\\user", "CONTOSO~5Cuser")]
    public async Task Any_id_of_a_user_is_one_segment_of_the_topics(string user, string segment)
    {
        await using SampleServer server = await StartAsync();
        using HttpResponseMessage response = await server.SendAsync(HttpMethod.Post, "negotiate?ticket=json", headers: AppService.User(user));
        JsonElement answer = await ReadAsync(response);
        string url = answer.GetProperty("url").GetString()!;
        Assert.Equal($"/topics?topic=users/{segment}/*&topic=news", url);
        (string, string) ticket = ("Authorization", $"Bearer {answer.GetProperty("accessToken").GetString()}");
        foreach ((string path, int status) in new[] { (url, 200), ("topics/users/ann/*", 403), ("topics/users/*", 403), ("topics/*", 403) })
        {
            using HttpResponseMessage head = await server.SendAsync(HttpMethod.Head, path, headers: ticket);
            Assert.Equal(status, (int)head.StatusCode);
        }
    }

    [Fact]
    public async Task Program_gets_the_address_and_the_ticket()
    {
        await using SampleServer server = await StartAsync();
        using HttpResponseMessage response = await server.SendAsync(HttpMethod.Post, "negotiate?ticket=json", headers: AppService.User("ann"));
        Assert.False(response.Headers.Contains("Set-Cookie"));
        JsonElement answer = await ReadAsync(response);
        (string, string) ticket = ("Authorization", $"Bearer {answer.GetProperty("accessToken").GetString()}");
        string url = answer.GetProperty("url").GetString()!;
        foreach ((string path, int status) in new[] { (url, 200), ("topics/users/bob/*", 403), ("topics/*", 403) })
        {
            using HttpResponseMessage head = await server.SendAsync(HttpMethod.Head, path, headers: ticket);
            Assert.Equal(status, (int)head.StatusCode);
        }
    }

    public static TheoryData<string> NoUsers =>
    [
        "", "ann", "%%%", AppService.Principal(""), AppService.Principal("ann"), AppService.Principal("[]"), AppService.Principal("{}"),
        AppService.Principal("""{"claims":1}"""), AppService.Principal("""{"claims":[]}"""), AppService.Principal("""{"claims":[1]}"""),
        AppService.Principal("""{"claims":[{"typ":"sub"}]}"""), AppService.Principal("""{"claims":[{"typ":"sub","val":null}]}"""),
        AppService.Principal("""{"claims":[{"typ":"sub","val":1}]}"""), AppService.Principal("""{"claims":[{"typ":"name","val":"ann"}]}"""),
        AppService.User("").Value, AppService.User(new string('a', 300)).Value,
    ];

    [Theory]
    [MemberData(nameof(NoUsers))]
    public async Task Nobody_gets_nothing(string principal)
    {
        await using SampleServer server = await StartAsync();
        using HttpResponseMessage response = await server.SendAsync(HttpMethod.Post, "negotiate", headers: (AppService.Header, principal));
        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.False(response.Headers.Contains("Set-Cookie"));
    }

    [Fact]
    public async Task Two_users_in_two_browsers_see_their_own_events_alone()
    {
        await using SampleServer server = await StartAsync();
        (string, string)[] users = [AppService.User("ann"), AppService.User("bob")];
        var pages = new List<IPage>();
        foreach ((string header, string value) in users)
        {
            IPage page = await browser.OpenTabOfAsync(header, value);
            pages.Add(page);
            await page.GotoAsync($"http://localhost:{server.Port}/");
            await Expect(page.Locator("#state")).ToHaveTextAsync("open");
        }

        await PublishAsync(server, "users/ann/orders", "for ann");
        await PublishAsync(server, "users/bob/orders", "for bob");
        await PublishAsync(server, "news", "for both"); // After this one, nothing of the two before can come any more.
        await Expect(pages[0].Locator("#events li")).ToHaveTextAsync(["for ann", "for both"]);
        await Expect(pages[1].Locator("#events li")).ToHaveTextAsync(["for bob", "for both"]);

        // Whoever asks by hand for the other's topics is refused, and no script can take the ticket along.
        const string Ask = "async (topic) => `${(await fetch(`/topics/${topic}`, { method: 'HEAD' })).status} ${document.cookie}`";
        foreach ((string topic, string seen) in new[] { ("users/ann/*", "200 "), ("users/bob/*", "403 ") })
        {
            Task<string> answer = pages[0].EvaluateAsync<string>(Ask, topic);
            Assert.Equal(seen, await answer.WaitAsync(TopicServer.Limit, TestContext.Current.CancellationToken));
        }

        foreach (IPage page in pages)
        {
            await page.CloseAsync();
        }
    }

    [Fact]
    public async Task Page_says_that_nobody_is_signed_in()
    {
        await using SampleServer server = await StartAsync();
        IPage page = await browser.OpenTabAsync();
        await page.GotoAsync($"http://localhost:{server.Port}/");
        await Expect(page.Locator("#state")).ToHaveTextAsync("Not signed in: 401");
    }

    // A cookie belongs to a host and not to a port, so a page on another port of the host sends it: the answer to it is then a matter of CORS.
    [Theory]
    [InlineData("localhost", "none", "refused", "closed")]
    [InlineData("localhost", "*", "refused", "closed")]
    [InlineData("localhost", "http://localhost:1", "refused", "closed")]
    [InlineData("localhost", "listed", "200", "open")]
    [InlineData("127.0.0.1", "listed", "401", "closed")] // A page of another site sends no cookie: SameSite=Strict.
    public async Task Page_of_another_origin_reads_a_ticketed_topic_only_if_it_is_allowed_and_has_the_ticket(
        string host, string allowed, string byFetch, string byEventSource)
    {
        await using FeedServer other = await FeedServer.StartAsync(http =>
        {
            http.Response.ContentType = "text/html";
            return Task.CompletedTask;
        });
        string origin = $"http://{host}:{new Uri(other.Address).Port}";
        await using SampleServer server = await StartAsync(("Sse:AllowedOrigins", allowed == "listed" ? origin : allowed));
        (string header, string value) = AppService.User("ann");
        IPage page = await browser.OpenTabOfAsync(header, value);
        await page.GotoAsync($"http://localhost:{server.Port}/");
        await Expect(page.Locator("#state")).ToHaveTextAsync("open"); // The ticket is in the browser.
        await PublishAsync(server, "users/ann/orders", "for ann");
        await Expect(page.Locator("#events li")).ToHaveTextAsync(["for ann"]);

        await page.Context.SetExtraHTTPHeadersAsync([]); // It would be asked for in a preflight, and App Service's front end sends none.
        await page.GotoAsync($"{origin}/");
        string[] seen = await page.EvaluateAsync<string[]>(
            """
            async (url) => {
              const cancel = new AbortController();
              const byFetch = await fetch(url, { credentials: 'include', signal: cancel.signal })
                .then(({ status }) => `${status}`, () => 'refused');
              cancel.abort();
              const byEventSource = await new Promise((done) => {
                const stream = new EventSource(url, { withCredentials: true });
                stream.onopen = () => { stream.close(); done('open'); };
                stream.onerror = () => done('closed');
              });
              return [byFetch, byEventSource];
            }
            """,
            $"http://localhost:{server.Port}/topics/users/ann/orders?lastEventId=earliest")
            .WaitAsync(TopicServer.Limit, TestContext.Current.CancellationToken);
        Assert.Equal([byFetch, byEventSource], seen);
        await page.CloseAsync();
    }

    private static Task<SampleServer> StartAsync(params (string, string)[] settings) => SampleServer.StartAsync(
        typeof(NegotiateFunction),
        (services, configuration) => services
            .AddServerSentEvents(configuration.GetSection("Sse"))
            .AddTopics(configuration.GetSection("Topics")),
        TopicServer.WithKey(settings));

    private static async Task PublishAsync(SampleServer server, string topic, string data)
    {
        using HttpResponseMessage response = await server.SendAsync(HttpMethod.Post, $"topics/{topic}", data);
        response.EnsureSuccessStatusCode();
    }

    private static async Task<JsonElement> ReadAsync(HttpResponseMessage response)
    {
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        using JsonDocument body = JsonDocument.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        return body.RootElement.Clone();
    }
}
