using System.Net;
using FuncSse.Tests.Topics;

namespace FuncSse.Tests.Clients;

/// <summary>Clients that others made, on recorded answers: the self-host's, and those of servers that speak as OpenAI and AG-UI do.</summary>
public sealed class RecordedClientTests(Redis redis, Browser browser) : IClassFixture<Redis>, IClassFixture<Browser>
{
    private static readonly RecordedClient[] s_clients =
    [
        new(new("ai", Place.Node, "ai follow"), "/answers/{0}?format=ui", new("ai", Place.Node, "ai start"), "/answers/{0}?format=ui"),
        new(new("eventsource", Place.Node, "eventsource recorded")),
        new(new("fetch", Place.Node, "fetch recorded")),
        new(new("FuncSse.Client", Place.DotNet, "FuncSse.Client")),
    ];

    private static readonly RecordedClient[] s_browser =
    [
        new(new("EventSource", Place.Chromium, "EventSource recorded")),
        new(new("funcsse.js", Place.Chromium, "funcsse.js recorded")),
    ];

    private static readonly RecordedClient[] s_formats =
    [
        new(new("openai", Place.Node, "openai recorded"), "/openai/{0}/follow", new("openai", Place.Node, "openai recorded"), "/openai/{0}/start"),
        new(new("@ag-ui/client", Place.Node, "ag-ui follow"), "/ag-ui/{0}", new("@ag-ui/client", Place.Node, "ag-ui start"), "/ag-ui/{0}"),
    ];

    [Fact]
    public async Task Reload_a_second_client_another_instance_and_a_cut_lose_and_repeat_nothing()
    {
        await using SelfHost one = await StartAsync(pace: 15);
        await using SelfHost two = await StartAsync(pace: 15);
        await new RecordedScenario(one.Address, two.Address, s_clients).ReloadAsync();
    }

    [Fact(Explicit = true)]
    public async Task Pages_lose_and_repeat_nothing()
    {
        await using SelfHost one = await StartAsync(pace: 15);
        await using SelfHost two = await StartAsync(pace: 15);
        await new RecordedScenario(one.Address, two.Address, s_browser, browser).ReloadAsync();
    }

    [Fact]
    public async Task Clients_of_other_formats_lose_and_repeat_nothing()
    {
        await using RecordedServers servers = await RecordedServers.StartAsync();
        await new RecordedScenario(servers.One, servers.Two, s_formats).ReloadAsync();
    }

    [Fact]
    public async Task Stop_on_another_instance_ends_every_client()
    {
        await using SelfHost one = await StartAsync(pace: 5);
        await using SelfHost two = await StartAsync(pace: 5);
        await new RecordedScenario(one.Address, two.Address, s_clients).StopAsync("(?<=ai: )ended|Stopped|204");
    }

    [Fact]
    public async Task Clients_of_other_formats_see_a_stop()
    {
        await using RecordedServers servers = await RecordedServers.StartAsync();
        await new RecordedScenario(servers.One, servers.Two, s_formats).StopAsync("The answer broke off: Stopped.");
    }

    [Fact]
    public async Task Followers_are_told_that_the_process_of_the_feed_was_killed()
    {
        await using SelfHost one = await StartAsync(pace: 2);
        await using SelfHost two = await StartAsync(pace: 2);
        TimeSpan time = await new RecordedScenario(one.Address, two.Address, s_clients).EndAsync("Died|204|The answer broke off: Died.", one.KillAsync);
        Assert.InRange(time, TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(25));
    }

    // An EventSource that gets 204 never comes back, and the log has the start some time after the client that started it was answered.
    [Fact]
    public async Task Page_that_follows_at_once_on_another_instance_finds_the_answer()
    {
        await using RecordedServers servers = await RecordedServers.StartAsync();
        using var http = new HttpClient();
        for (int number = 0; number < 5; number++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(servers.One, $"/answers/{number}")) { Content = new StringContent("Why?") };
            using HttpResponseMessage started = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
            using HttpResponseMessage followed = await http.GetAsync(
                new Uri(servers.Two, $"/answers/{number}"), HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
            Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (started.StatusCode, followed.StatusCode));
        }
    }

    private Task<SelfHost> StartAsync(int pace)
    {
        Redis.SkipWhereMissing();
        ClientServer.SkipUnlessInstalled();
        return SelfHost.StartAsync(("Topics__Log", "redis"), ("Topics__Redis", redis.Server.Configuration), ("Answers__TokensPerSecond", $"{pace}"));
    }
}
