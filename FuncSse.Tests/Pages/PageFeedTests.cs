using System.Collections.Concurrent;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace FuncSse.Tests;

/// <summary>The page and the streams of others: unreachable, forbidden, faulty, hostile.</summary>
public sealed partial class PageFeedTests(Browser browser) : IClassFixture<Browser>
{
    [Fact]
    public async Task A_stream_that_CORS_forbids_gets_a_clear_word()
    {
        await using FeedServer feed = await FeedServer.StartAsync(async http =>
        {
            http.Response.ContentType = "text/event-stream";
            await http.Response.WriteAsync("data: secret\n\n", http.RequestAborted);
        });
        SelfHost host = await browser.GetHostAsync();
        IPage page = await browser.WatchAsync(host, feed.Address);

        await Expect(page.Locator("#notice")).ToHaveTextAsync(
            $"CORS forbids it: {feed.Address} does not allow pages of {host.Address.GetLeftPart(UriPartial.Authority)} to read it.");
        await Expect(page.Locator("#state-detail")).ToHaveTextAsync(NextTry());
        await HasOneColourAsync(page, "Failed", "--bad");
    }

    [Fact]
    public async Task A_server_that_is_not_there_gets_a_clear_word()
    {
        FeedServer feed = await FeedServer.StartAsync();
        string address = feed.Address;
        await feed.DisposeAsync();
        SelfHost host = await browser.GetHostAsync();
        IPage page = await browser.WatchAsync(host, address);
        await Expect(page.Locator("#notice")).ToContainTextAsync($"{address} cannot be reached");
        await HasOneColourAsync(page, "Reconnecting", "--reconnecting");
    }

    [Theory]
    [InlineData(404, "text/plain", "answers with status 404.", "Failed", "--bad")]
    [InlineData(200, "text/html", "answers with text/html, not with text/event-stream.", "Failed", "--bad")]
    [InlineData(503, "text/plain", "answers with status 503.", "Reconnecting", "--reconnecting")]
    [InlineData(204, null, "says that there is no more (204), so the page stopped.", "Stopped", "--muted")]
    public async Task An_answer_that_is_no_stream_gets_a_clear_word(int status, string? type, string words, string state, string colour)
    {
        await using FeedServer feed = await FeedServer.StartAsync(http =>
        {
            FeedServer.Open(http);
            http.Response.StatusCode = status;
            http.Response.ContentType = type;
            return Task.CompletedTask;
        });
        SelfHost host = await browser.GetHostAsync();
        IPage page = await browser.WatchAsync(host, feed.Address);
        await Expect(page.Locator("#notice")).ToHaveTextAsync($"{feed.Address} {words}");
        await HasOneColourAsync(page, state, colour);
    }

    [Theory]
    [InlineData("javascript:alert(1)")]
    [InlineData("http://")]
    public async Task An_address_that_cannot_be_opened_gets_a_clear_word(string address)
    {
        SelfHost host = await browser.GetHostAsync();
        IPage page = await browser.WatchAsync(host, address);
        await Expect(page.Locator("#notice")).ToContainTextAsync("is not an address that can be opened");
        await HasOneColourAsync(page, "Failed", "--bad");
        await Expect(page.Locator("#toggle")).ToHaveTextAsync("Start");
    }

    [Fact]
    public async Task The_address_field_watches_another_origin_and_a_reload_keeps_it()
    {
        var methods = new ConcurrentQueue<string>();
        await using FeedServer feed = await FeedServer.StartAsync(async http =>
        {
            methods.Enqueue(http.Request.Method);
            FeedServer.Open(http);
            if (!HttpMethods.IsHead(http.Request.Method))
            {
                await http.Response.WriteAsync("data: from elsewhere\n\n", http.RequestAborted);
                await Task.Delay(Timeout.Infinite, http.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
            }
        });
        SelfHost host = await browser.GetHostAsync();
        IPage page = await browser.WatchAsync(host);
        await page.GetByLabel("Address").FillAsync(feed.Address);
        await page.GetByLabel("Address").PressAsync("Enter");
        await Expect(page.Locator("#count")).ToHaveTextAsync("from elsewhere");
        for (int reload = 0; reload < 5; reload++)
        {
            await page.ReloadAsync();
            await Expect(page.GetByLabel("Address")).ToHaveValueAsync(feed.Address);
            await Expect(page.Locator("#count")).ToHaveTextAsync("from elsewhere");
        }

        // A page that goes away asks no more: a HEAD that a server never ends would hold up the next page on the same connection.
        Assert.All(methods, method => Assert.Equal("GET", method));
    }

    [Fact]
    public async Task A_link_to_another_origin_starts_nothing_by_itself()
    {
        int requests = 0;
        await using FeedServer feed = await FeedServer.StartAsync(async http =>
        {
            Interlocked.Increment(ref requests);
            FeedServer.Open(http);
            await http.Response.WriteAsync("data: from elsewhere\n\n", http.RequestAborted);
        });
        SelfHost host = await browser.GetHostAsync();
        IPage page = await browser.OpenTabAsync();
        await page.GotoAsync($"{host.Address}?events={feed.Address}");
        await Expect(page.Locator("#notice")).ToHaveTextAsync($"{feed.Address} is not on this site. Start opens it.");
        await Expect(page.Locator("#state")).ToHaveTextAsync("Stopped");
        await Expect(page).ToHaveTitleAsync("Stopped · FuncSse");
        await page.ReloadAsync();
        await Expect(page.Locator("#state")).ToHaveTextAsync("Stopped");
        Assert.Equal(0, requests);
        await page.StartAsync();
        await Expect(page.Locator("#count")).ToHaveTextAsync("from elsewhere");
    }

    [Theory]
    [InlineData(400)]
    [InlineData(403)]
    public async Task An_answer_that_is_final_stops_the_page(int status)
    {
        await using FeedServer feed = await FeedServer.StartAsync(http =>
        {
            FeedServer.Open(http);
            http.Response.StatusCode = status;
            http.Response.ContentType = "text/plain";
            return HttpMethods.IsHead(http.Request.Method) ? Task.CompletedTask : http.Response.WriteAsync("<b>Not for you.</b>\n");
        });
        SelfHost host = await browser.GetHostAsync();
        IPage page = await browser.WatchAsync(host, feed.Address);
        await Expect(page.Locator("#notice")).ToHaveTextAsync(
            $"{feed.Address} answers with status {status}: “<b>Not for you.</b>” Trying again cannot help, so the page stopped.");
        await HasOneColourAsync(page, "Failed", "--bad");
        await Expect(page.Locator("#toggle")).ToHaveTextAsync("Start");
    }

    // A proxy on the way keeps the stream until it ends, and lets a HEAD through.
    [Fact]
    public async Task A_stream_of_this_site_that_is_held_back_gets_a_clear_word()
    {
        await using SelfHost host = await SelfHost.StartAsync();
        IPage page = await browser.OpenTabAsync();
        await page.RouteAsync("**/events*", route => route.Request.Method == "HEAD" ? route.ContinueAsync() : Task.CompletedTask);
        await page.GotoAsync($"{host.Address}");
        await page.EvaluateAsync(
            """
            () => {
              const { now } = Date;
              Date.now = () => now() + 31_000;
            }
            """);
        await Expect(page.Locator("#notice")).ToHaveTextAsync("/events answers, but its stream does not open. Does a proxy on the way hold the stream back?");
        await HasOneColourAsync(page, "Reconnecting", "--reconnecting");
    }

    [Fact]
    public async Task Named_events_are_shown_when_their_names_are_given()
    {
        await using FeedServer feed = await FeedServer.StartAsync(
            "event: a\ndata: one\n\n", "event: other\ndata: two\n\n", "event: error\ndata: three\n\n", "event: b\ndata: four\n\n", "data: five\n\n");
        SelfHost host = await browser.GetHostAsync();
        IPage page = await browser.WatchAsync(host, feed.Address, "a, b");

        await Expect(page.Locator("#rows tr td:last-child")).ToHaveTextAsync(["five", "four", "one"]);
        await Expect(page.Locator("#rows tr td:nth-child(3)")).ToHaveTextAsync(["message", "b", "a"]);
        await Expect(page.Locator("#state")).ToHaveTextAsync("Open"); // an event that is named error is none
    }

    [Fact]
    public async Task Gaps_and_repeats_are_flagged_and_ids_longer_than_a_double_are_told_apart()
    {
        const string Long = "900719925474099";
        await using FeedServer feed = await FeedServer.StartAsync(
            [.. "124456".Select(n => $"id: {Long}{n}\ndata: {n}\n\n"), "data: without an id\n\n"]);
        SelfHost host = await browser.GetHostAsync();
        IPage page = await browser.WatchAsync(host, feed.Address);

        await Expect(page.Locator("#summary")).ToContainTextAsync("7 events");
        await Expect(page.Locator("#summary")).ToContainTextAsync("1 gap, 1 repeat.");
        await Expect(page.Locator("#rows tr[data-flag] td:nth-child(2)")).ToHaveTextAsync([$"{Long}4 repeat", $"{Long}4 gap"]);
        await page.HasLineAsync("--bad");
    }

    [Fact]
    public async Task Data_that_is_no_count_is_shown_as_text_and_never_as_markup()
    {
        const string Markup = "<img src=x onerror=\"window.hacked=1\"></script><script>window.hacked=1</script>";
        await using FeedServer feed = await FeedServer.StartAsync($"id: {Markup}\ndata: {Markup}\ndata: line two\n\n");
        SelfHost host = await browser.GetHostAsync();
        IPage page = await browser.WatchAsync(host, feed.Address);

        await Expect(page.Locator("#rows td:last-child")).ToHaveJSPropertyAsync("textContent", $"{Markup}\nline two");
        await Expect(page.Locator("#count")).ToHaveJSPropertyAsync("textContent", $"{Markup}\nline two");
        await Expect(page.Locator("#count-label")).ToHaveTextAsync("Latest data");
        Assert.Equal(0, await page.Locator("main img, main script").CountAsync());
        Assert.True(await page.EvaluateAsync<bool>("window.hacked === undefined"));
    }

    [Fact]
    public async Task A_megabyte_is_cut_and_its_length_given()
    {
        string big = new('x', 1024 * 1024);
        await using FeedServer feed = await FeedServer.StartAsync([.. Enumerable.Range(1, 5).Select(n => $"id: {n}\ndata: {big}\n\n")]);
        SelfHost host = await browser.GetHostAsync();
        IPage page = await browser.WatchAsync(host, feed.Address);

        await Expect(page.Locator("#received")).ToHaveTextAsync("5");
        await Expect(page.Locator("#rows tr:first-child td:last-child")).ToHaveTextAsync($"{new string('x', 500)}… (1048576 characters)");
        Assert.True(await page.EvaluateAsync<int>("document.body.textContent.length") < 100_000);
    }

    [Fact]
    public async Task A_new_start_keeps_the_query_and_replaces_only_the_last_event_id()
    {
        var asked = new ConcurrentQueue<string>();
        await using FeedServer feed = await FeedServer.StartAsync(async http =>
        {
            asked.Enqueue(http.Request.QueryString.Value!);
            FeedServer.Open(http);
            await http.Response.WriteAsync("id: é &1\ndata: x\n\n", http.RequestAborted);
            await Task.Delay(Timeout.Infinite, http.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
        });
        SelfHost host = await browser.GetHostAsync();
        IPage page = await browser.WatchAsync(host, $"{feed.Address}?key=a%2Fb+c&lastEventId=7&flag");
        await Expect(page.Locator("#last-id")).ToHaveTextAsync("é &1");
        await page.GetByLabel("Resume").CheckAsync();
        await page.Locator("#toggle").ClickAsync();
        await page.Locator("#toggle").ClickAsync();
        await Expect(page.Locator("#received")).ToHaveTextAsync("2");
        Assert.Equal(["?key=a%2Fb+c&lastEventId=7&flag", "?key=a%2Fb+c&flag&lastEventId=%C3%A9%20%261"], asked);
    }

    // The words and the state have the state's colour; words about nothing special are grey.
    private static async Task HasOneColourAsync(IPage page, string state, string colour)
    {
        await Expect(page.Locator("#state")).ToHaveTextAsync(state);
        await page.UntilAsync(
            """
            (colour) => {
              const probe = document.body.appendChild(document.createElement('i'));
              probe.style.color = `var(${colour})`;
              const wanted = getComputedStyle(probe).color;
              probe.remove();
              return ['state', 'notice'].every((id) => getComputedStyle(document.getElementById(id)).color === wanted);
            }
            """,
            colour);
    }

    [GeneratedRegex(@"^next try in \d+ s$")]
    private static partial Regex NextTry();
}
