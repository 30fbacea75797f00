using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace FuncSse.Tests;

/// <summary>The page in a real browser, on the counter of the real self-host.</summary>
public sealed partial class PageTests(Browser browser) : IClassFixture<Browser>
{
    [Fact]
    public async Task The_page_counts_from_one_and_says_that_the_stream_is_open()
    {
        SelfHost host = await browser.GetHostAsync();
        IPage page = await browser.WatchAsync(host);

        await Expect(page.Locator("#state")).ToHaveTextAsync("Open");
        await Expect(page).ToHaveTitleAsync("Open · FuncSse");
        await page.CountsToAsync(2);
        await Expect(page.Locator("#rows tr:last-child td:nth-child(2)")).ToHaveTextAsync("1");
        await NothingIsMissingAsync(page, firstId: 1);
        await Expect(page.Locator("#count-label")).ToHaveTextAsync("Count");
        await Expect(page.Locator("#reconnects")).ToHaveTextAsync("0");
        await Expect(page.Locator("#connected-for")).ToHaveTextAsync(ShortTime());
        await Expect(page.Locator("nav [aria-current]")).ToHaveTextAsync("Counter");
    }

    [Fact]
    public async Task Every_event_goes_to_the_console_as_Got()
    {
        SelfHost host = await browser.GetFastHostAsync();
        IPage page = await browser.OpenTabAsync();
        var logged = new List<IConsoleMessage>();
        page.Console += (_, message) => logged.Add(message);
        await page.GotoAsync($"{host.Address}");
        await page.CountsToAsync(10);

        var data = new List<string>();
        foreach (IConsoleMessage message in logged.Take(10))
        {
            Assert.Equal(2, message.Args.Count);
            Assert.Equal("Got", await message.Args[0].JsonValueAsync<string>());
            data.Add(await message.Args[1].EvaluateAsync<string>("event => event instanceof MessageEvent ? event.data : 'no event'"));
        }

        Assert.Equal(Enumerable.Range(1, 10).Select(n => n.ToString(CultureInfo.InvariantCulture)), data);
    }

    [Fact]
    public async Task The_page_meets_a_content_security_policy_without_unsafe_words()
    {
        SelfHost host = await browser.GetFastHostAsync();
        IPage page = await browser.OpenTabAsync();
        var errors = new List<string>();
        page.PageError += (_, error) => errors.Add(error);
        page.Console += (_, message) => errors.AddRange(message.Type == "error" ? [message.Text] : Array.Empty<string>());
        IResponse response = (await page.GotoAsync($"{host.Address}"))!;
        string policy = await response.HeaderValueAsync("content-security-policy") ?? "";

        Assert.Contains("default-src 'none'", policy, StringComparison.Ordinal);
        Assert.Matches(Sources(), policy);
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
        await page.CountsToAsync(5);
        await Expect(page.Locator("body")).ToHaveCSSAsync("margin", "0px"); // the style holds too
        Assert.Empty(errors);
    }

    [Fact]
    public async Task The_page_asks_for_nothing_but_itself_and_the_stream()
    {
        SelfHost host = await browser.GetFastHostAsync();
        IPage page = await browser.OpenTabAsync();
        var requests = new List<string>();
        page.Request += (_, request) => requests.Add(new Uri(request.Url).PathAndQuery);
        await page.GotoAsync($"{host.Address}");
        await page.CountsToAsync(5);

        Assert.Equal(["/", "/funcsse.js", "/events?keepAlive=event"], requests.Where(url => !url.StartsWith("image/", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task The_count_goes_on_when_a_killed_server_comes_back()
    {
        await using SelfHost host = await SelfHost.StartAsync(SelfHost.Fast);
        IPage page = await browser.WatchAsync(host, until: 5);

        await host.KillAsync();
        await Expect(page.Locator("#state")).ToHaveTextAsync("Reconnecting");
        await Expect(page.Locator("#notice")).ToContainTextAsync("/events cannot be reached");
        int last = int.Parse(await page.Locator("#last-id").InnerTextAsync(), CultureInfo.InvariantCulture);
        await host.StartAgainAsync();

        await page.CountsToAsync(last + 5);
        await Expect(page.Locator("#reconnects")).ToHaveTextAsync("1");
        await Expect(page.Locator("#notice")).ToHaveTextAsync("Watching /events.");
        await Expect(page.Locator("#summary")).ToContainTextAsync("1 reconnect,");
        await page.HasLineAsync("--reconnecting");
        await NothingIsMissingAsync(page, firstId: 1);
    }

    [Fact]
    public async Task A_connection_that_goes_silent_is_noticed_and_the_count_goes_on()
    {
        SelfHost host = await browser.GetFastHostAsync();
        await using var proxy = new FaultyProxy(host.Address.Port);
        IPage page = await browser.OpenTabAsync();
        await page.MoveClockWithEventsAsync(100); // An interval that the page cannot tell is not missed for a minute.
        await page.GotoAsync($"http://127.0.0.1:{proxy.Port}/");
        await page.CountsToAsync(10);

        proxy.Swallow();
        int last = int.Parse(await page.Locator("#last-id").InnerTextAsync(), CultureInfo.InvariantCulture);
        await Expect(page.Locator("#notice")).ToHaveTextAsync(
            "Watching /events. The stream before this one had gone silent.", new() { Timeout = 60_000 });
        await Expect(page.Locator("#state")).ToHaveTextAsync("Open");
        await page.CountsToAsync(last + 5);
        await Expect(page.Locator("#reconnects")).ToHaveTextAsync("1");
        await NothingIsMissingAsync(page, firstId: 1);
    }

    [Theory]
    [InlineData("html", "/")]
    [InlineData("javascript", "/funcsse.js")]
    public async Task Page_and_module_are_kept_and_asked_for_each_time(string type, string path)
    {
        SelfHost host = await browser.GetHostAsync();
        using var client = new HttpClient { BaseAddress = host.Address };
        using HttpResponseMessage response = await client.GetAsync(new Uri(path, UriKind.Relative), TestContext.Current.CancellationToken);
        Assert.Equal($"text/{type}; charset=utf-8", response.Content.Headers.ContentType!.ToString());
        Assert.True(response.Headers.CacheControl!.NoCache);
        Assert.Equal(["nosniff"], response.Headers.GetValues("X-Content-Type-Options"));
        using var again = new HttpRequestMessage(HttpMethod.Get, path) { Headers = { IfNoneMatch = { response.Headers.ETag! } } };
        using HttpResponseMessage unchanged = await client.SendAsync(again, TestContext.Current.CancellationToken);
        Assert.Equal(304, (int)unchanged.StatusCode);
    }

    [Fact]
    public async Task A_stream_that_is_stopped_before_it_came_back_is_no_reconnect()
    {
        await using SelfHost host = await SelfHost.StartAsync(SelfHost.Fast);
        IPage page = await browser.WatchAsync(host, until: 5);

        await host.KillAsync();
        await Expect(page.Locator("#state")).ToHaveTextAsync("Reconnecting");
        await page.Locator("#toggle").ClickAsync();
        await Expect(page.Locator("#state")).ToHaveTextAsync("Stopped");
        await Expect(page.Locator("#summary")).ToContainTextAsync("no reconnects");
        await host.StartAgainAsync();
        await page.Locator("#toggle").ClickAsync();
        await Expect(page.Locator("#state")).ToHaveTextAsync("Open");
        await Expect(page.Locator("#summary")).ToContainTextAsync("no reconnects");
        await Expect(page.Locator("#reconnects")).ToHaveTextAsync("0");
    }

    [Fact]
    public async Task Streams_that_end_themselves_are_followed_without_a_gap_or_a_repeat()
    {
        await using SelfHost host = await SelfHost.StartAsync([.. SelfHost.Fast, ("Sse__MaxDuration", "00:00:01")]);
        IPage page = await browser.WatchAsync(host);
        await page.UntilAsync("() => Number(document.querySelector('#reconnects').textContent) >= 3");
        await NothingIsMissingAsync(page, firstId: 1);
    }

    [Fact]
    public async Task The_browser_gives_up_and_the_page_tries_again_with_the_last_event_id()
    {
        await using SelfHost host = await SelfHost.StartAsync(SelfHost.Fast);
        IPage page = await browser.WatchAsync(host, "/events?a=%20b", until: 5);
        await page.RouteAsync("**/events*", route => route.FulfillAsync(new RouteFulfillOptions { Status = 503 }));
        await host.KillAsync();
        await host.StartAgainAsync();

        await Expect(page.Locator("#notice")).ToContainTextAsync("status 503");
        await Expect(page.Locator("#state-detail")).ToHaveTextAsync(NextTry());
        string last = await page.Locator("#last-id").InnerTextAsync();
        await page.UnrouteAllAsync();
        await page.RunAndWaitForRequestAsync(
            () => Task.CompletedTask,
            request => request.Url.EndsWith($"/events?a=%20b&keepAlive=event&lastEventId={last}", StringComparison.Ordinal));
        await page.CountsToAsync(int.Parse(last, CultureInfo.InvariantCulture) + 3);
        await NothingIsMissingAsync(page, firstId: 1);
    }

    [Fact]
    public async Task Stop_closes_the_stream_and_start_opens_a_new_one()
    {
        SelfHost host = await browser.GetFastHostAsync();
        IPage page = await browser.WatchAsync(host, until: 5);

        var closed = new TaskCompletionSource<string?>();
        page.RequestFailed += (_, request) => closed.TrySetResult(request.Failure);
        await page.GetByRole(AriaRole.Button, new() { Name = "Stop" }).ClickAsync();
        Assert.Equal("net::ERR_ABORTED", await closed.Task);
        await Expect(page.Locator("#state")).ToHaveTextAsync("Stopped");
        await page.RunAndWaitForRequestAsync(
            () => page.GetByRole(AriaRole.Button, new() { Name = "Start" }).ClickAsync(),
            request => request.Url.EndsWith("/events?keepAlive=event", StringComparison.Ordinal));
        await Expect(page.Locator("#rows tr td:nth-child(2)").GetByText("1", new() { Exact = true })).ToHaveCountAsync(2);
        await Expect(page.Locator("#summary")).ToContainTextAsync("no gaps, no repeats");
    }

    [Fact]
    public async Task A_reload_resumes_when_asked_to_and_says_so()
    {
        SelfHost host = await browser.GetFastHostAsync();
        IPage page = await browser.WatchAsync(host);
        await page.GetByLabel("Resume").CheckAsync();
        await page.CountsToAsync(5);
        await page.ReloadAsync();

        await Expect(page.Locator("#notice")).ToHaveTextAsync(Resumed());
        int from = int.Parse(Resumed().Match(await page.Locator("#notice").InnerTextAsync()).Groups[1].Value, CultureInfo.InvariantCulture);
        Assert.True(from >= 5);
        await page.CountsToAsync(from + 3);
        await NothingIsMissingAsync(page, firstId: from + 1);
    }

    [Fact]
    public async Task A_reload_starts_afresh_when_not_asked_to_resume()
    {
        SelfHost host = await browser.GetHostAsync();
        IPage page = await browser.WatchAsync(host, until: 2);
        await page.ReloadAsync();
        await page.CountsToAsync(1);
        await Expect(page.Locator("#rows tr:last-child td:nth-child(2)")).ToHaveTextAsync("1");
        await Expect(page.Locator("#notice")).ToHaveTextAsync("Watching /events.");
    }

    [Fact]
    public async Task The_plot_knows_when_events_are_due()
    {
        SelfHost host = await browser.GetFastHostAsync();
        IPage page = await browser.OpenTabAsync();
        await page.MoveClockWithEventsAsync(250);
        await page.GotoAsync($"{host.Address}");
        await Expect(page.Locator("#interval")).ToHaveTextAsync("one due every 250 ms");
        await Expect(page.Locator("#summary")).ToHaveTextAsync(Lateness());
    }

    [Theory]
    [InlineData(1000)]
    [InlineData(50)]
    public async Task A_feed_that_slips_is_late_for_ten_seconds_and_then_has_a_new_schedule(int interval)
    {
        SelfHost host = await browser.GetHostAsync();
        IPage page = await browser.WatchAsync(host);
        double[] late = await page.EvaluateAsync<double[]>(
            """
            (interval) => {
              const schedule = new Schedule();
              const times = Array.from({ length: 20 + 20_000 / interval }, (_, n) => n * interval + (n < 20 ? 0 : 400));
              return times.map((t) => schedule.late(t, 1));
            }
            """,
            interval);
        int tenSeconds = 10_000 / interval;
        Assert.All(late.Take(20), ms => Assert.Equal(0, ms));
        Assert.All(late.Skip(20).Take(tenSeconds - 1), ms => Assert.Equal(400, ms));
        Assert.Equal(0, late[20 + tenSeconds + 1]);
    }

    [Fact]
    public async Task A_stream_that_flaps_without_an_event_leaves_the_page_bounded()
    {
        SelfHost host = await browser.GetHostAsync();
        IPage page = await browser.WatchAsync(host);
        await Expect(page.Locator("#state")).ToHaveTextAsync("Open");
        Assert.InRange(
            await page.EvaluateAsync<int>(
                """
                () => {
                  for (let n = 0; n < 1000; n++) { setState('reconnecting'); setState('open'); }
                  return marks.length;
                }
                """),
            1,
            100);
    }

    // Both figures in one look, since the page counts on. The summary follows within a second.
    private static async Task NothingIsMissingAsync(IPage page, int firstId)
    {
        string[] figures = await page.EvaluateAsync<string[]>("['last-id', 'received'].map((id) => document.getElementById(id).textContent)");
        Assert.Equal(int.Parse(figures[0], CultureInfo.InvariantCulture) - firstId + 1, int.Parse(figures[1], CultureInfo.InvariantCulture));
        await Expect(page.Locator("#summary")).ToContainTextAsync("no gaps, no repeats.");
        Assert.Equal(0, await page.Locator("#rows tr[data-flag]").CountAsync());
    }

    [GeneratedRegex(@"^0:00:\d\d$")]
    private static partial Regex ShortTime();

    // The two scripts and the style of the page, and modules of its own origin: no word more.
    [GeneratedRegex(@"; script-src 'self' 'sha256-[\w+/]{43}=' 'sha256-[\w+/]{43}='; style-src 'sha256-[\w+/]{43}='; ")]
    private static partial Regex Sources();

    [GeneratedRegex(@"^next try in \d+ s$")]
    private static partial Regex NextTry();

    [GeneratedRegex(@"^Resumed /events after event id (\d+)\.$")]
    private static partial Regex Resumed();

    [GeneratedRegex(@"^Last two minutes: \d+ events, latest 0 ms late, worst 0 ms, no reconnects, no gaps, no repeats\.$")]
    private static partial Regex Lateness();
}
