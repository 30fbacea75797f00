using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace FuncSse.Tests;

/// <summary>The page for everybody: by keyboard, by ear, on a phone, in the dark.</summary>
public sealed class PageAccessTests(Browser browser) : IClassFixture<Browser>
{
    [Theory]
    [InlineData(ColorScheme.Light, 1280)]
    [InlineData(ColorScheme.Dark, 320)]
    public async Task Axe_finds_no_violation_and_nothing_sticks_out(ColorScheme scheme, int width)
    {
        SelfHost host = await browser.GetFastHostAsync();
        IPage page = await browser.OpenTabAsync(scheme, width);
        foreach ((string events, string sign) in new[]
        {
            ("/events", "#rows tr:nth-child(3)"), ("/", "[data-state=failed] #notice"), ("/topics/news", "#publish"), ("https://elsewhere.example", "#notice"),
        })
        {
            await page.GotoAsync($"{host.Address}?events={events}");
            await page.EvaluateAsync("$('key-field').hidden = false");
            await Expect(page.Locator(sign)).ToBeVisibleAsync();
            AxeResult result = await page.RunAxe();
            Assert.Empty(result.Violations.SelectMany(violation => violation.Nodes, (violation, node) => $"{violation.Id}: {node.Html}"));
            Assert.Equal(0, await page.EvaluateAsync<int>("document.documentElement.scrollWidth - innerWidth"));
        }
    }

    [Fact]
    public async Task A_screen_reader_hears_the_state_change_and_not_the_count()
    {
        await using SelfHost host = await SelfHost.StartAsync(SelfHost.Fast);
        IPage page = await browser.WatchAsync(host, until: 3);
        await page.EvaluateAsync(
            """
            () => {
              window.spoken = [];
              const listen = new MutationObserver((changes) => spoken.push(...changes.map(({ target }) => target.textContent)));
              const live = '[role=status], [role=alert], [role=log], [aria-live]:not([aria-live=off]), output';
              for (const region of document.querySelectorAll(live)) listen.observe(region, { subtree: true, childList: true, characterData: true });
            }
            """);
        await page.CountsToAsync(8);
        Assert.Empty(await page.EvaluateAsync<string[]>("() => spoken"));
        await host.KillAsync();
        await Expect(page.Locator("#state")).ToHaveTextAsync("Reconnecting");
        await host.StartAgainAsync();
        await Expect(page.Locator("#state")).ToHaveTextAsync("Open");
        string[] spoken = await page.EvaluateAsync<string[]>("() => spoken");
        Assert.Equal(["Reconnecting", "Open"], spoken.Intersect(["Reconnecting", "Open"]));
    }

    [Fact]
    public async Task Everything_is_reached_and_used_by_keyboard()
    {
        SelfHost host = await browser.GetFastHostAsync();
        IPage page = await browser.WatchAsync(host);
        await Expect(page.Locator("#state")).ToHaveTextAsync("Open");
        foreach (string link in new[] { "Counter", "Topic", "Answers" })
        {
            await page.Keyboard.PressAsync("Tab");
            await Expect(page.GetByRole(AriaRole.Link, new() { Name = link })).ToBeFocusedAsync();
        }

        foreach (string id in new[] { "toggle", "url", "types", "watch", "resume", "log" })
        {
            await page.Keyboard.PressAsync("Tab");
            await Expect(page.Locator($"#{id}")).ToBeFocusedAsync();
            await Expect(page.Locator($"#{id}")).ToHaveCSSAsync("outline-style", "solid");
        }

        await page.Locator("#toggle").PressAsync("Enter");
        await Expect(page.Locator("#state")).ToHaveTextAsync("Stopped");
        await page.Keyboard.PressAsync("Space");
        await Expect(page.Locator("#state")).ToHaveTextAsync("Open");
    }

    [Theory]
    [InlineData(1280)]
    [InlineData(768)]
    [InlineData(480)]
    [InlineData(320)]
    public async Task Nothing_moves_while_it_counts(int width)
    {
        SelfHost host = await browser.GetFastHostAsync();
        IPage page = await browser.OpenTabAsync(width: width);
        await page.AddInitScriptAsync("window.EventSource = class extends EventTarget { close() {} }"); // to see it without an event
        await page.GotoAsync($"{host.Address}");
        await Expect(page.Locator("#plot-title")).ToHaveTextAsync("Lateness"); // It is drawn.
        const string Places = "[...document.querySelectorAll('section, figure, form, #connection, dd')].map((e) => e.getBoundingClientRect().y).join()";
        string before = await page.EvaluateAsync<string>(Places);

        page = await browser.WatchAsync(host, "/events?lastEventId=9994", width: width, until: 9996);
        await page.EvaluateAsync("say('Watching /events.')"); // as before: its own words are longer
        Assert.Equal(before, await page.EvaluateAsync<string>(Places));
        await page.EvaluateAsync("Object.assign(points[0], { count: 100_000, late: 98_765, gaps: 1000, repeats: 1000 })");
        await page.CountsToAsync(10_001);
        await Expect(page.Locator("#summary")).ToContainTextAsync("worst 98.8 s, no reconnects, 1000 gaps, 1000 repeats.");
        Assert.Equal(before, await page.EvaluateAsync<string>(Places));
    }

    [Theory]
    [InlineData(1280)]
    [InlineData(768)]
    [InlineData(320)]
    public async Task Long_counts_and_ids_are_shown_whole(int width)
    {
        await using FeedServer feed = await FeedServer.StartAsync("id: 0192f0c1-7a2b-7c3d-8e4f-000000000888\ndata: 888888888888888\n\n");
        SelfHost host = await browser.GetHostAsync();
        IPage page = await browser.WatchAsync(host, feed.Address, width: width);
        await Expect(page.Locator("#count")).ToHaveTextAsync("888888888888888");
        await page.EvaluateAsync("setState('reconnecting')"); // the longest word
        Assert.Empty(await page.EvaluateAsync<string[]>(
            """
            [...document.querySelectorAll('#count, #state, #toggle, dd, td, th')]
              .filter((e) => e.scrollWidth > e.clientWidth || e.scrollHeight > e.clientHeight + 1).map((e) => e.textContent)
            """));
        // No id presses the name of an event into two lines.
        Assert.Equal(1, await page.EvaluateAsync<int>(
            """
            () => {
              const name = document.createRange();
              name.selectNodeContents($('rows').querySelector('td:nth-child(3)'));
              return name.getClientRects().length;
            }
            """));
    }

    [Theory]
    [InlineData(1280)]
    [InlineData(320)]
    public async Task Long_text_ends_with_a_whole_line(int width)
    {
        await using FeedServer feed = await FeedServer.StartAsync($"data: {string.Join(' ', Enumerable.Repeat("text", 200))}\n\n");
        SelfHost host = await browser.GetHostAsync();
        IPage page = await browser.WatchAsync(host, feed.Address, width: width);
        await Expect(page.Locator("#count")).ToContainTextAsync("text text");
        double[] lines = await page.EvaluateAsync<double[]>(
            """
            () => {
              const style = getComputedStyle($('count'));
              return [parseFloat(style.height) / parseFloat(style.lineHeight), Number(style.webkitLineClamp)];
            }
            """);
        Assert.Equal(lines[1], lines[0], 3);
    }

    [Fact]
    public async Task Reduced_motion_is_respected()
    {
        await using SelfHost host = await SelfHost.StartAsync(("Sse__Interval", "00:00:00.05"));
        IPage page = await browser.OpenTabAsync(motion: ReducedMotion.Reduce);
        await page.AddInitScriptAsync(
            """
            window.drawn = [];
            const draw = CanvasRenderingContext2D.prototype.clearRect;
            CanvasRenderingContext2D.prototype.clearRect = function (...box) { drawn.push(performance.now()); draw.apply(this, box); };
            """);
        await page.GotoAsync($"{host.Address}");
        await page.UntilAsync("() => drawn.length > 5");
        double[] drawn = await page.EvaluateAsync<double[]>("drawn");
        Assert.All(drawn.Zip(drawn.Skip(1)).Skip(2), pair => Assert.True(pair.Second - pair.First > 900)); // the first are of the layout
        await Expect(page.Locator("#state")).ToHaveCSSAsync("transition-duration", "0s");
    }
}
