using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace FuncSse.Tests;

/// <summary>The page for everybody: by keyboard, by ear, on a phone, in the dark.</summary>
[Collection(nameof(Browser))]
public sealed class PageAccessTests(Browser browser)
{
    private static readonly (string, string)[] Fast = [("Sse__Interval", "00:00:00.1"), ("Sse__Retry", "00:00:00.1")];

    [Theory]
    [InlineData(ColorScheme.Light, 1280)]
    [InlineData(ColorScheme.Light, 320)]
    [InlineData(ColorScheme.Dark, 1280)]
    [InlineData(ColorScheme.Dark, 320)]
    public async Task Axe_finds_no_violation_and_nothing_sticks_out(ColorScheme scheme, int width)
    {
        await using SelfHost host = await SelfHost.StartAsync(Fast);
        IPage page = await browser.OpenTabAsync(scheme, width);
        foreach (string events in new[] { "/events", "/" })
        {
            await page.GotoAsync($"{host.Address}?events={events}");
            await Expect(page.Locator(events == "/" ? "#notice.bad" : "#rows tr:nth-child(3)")).ToBeVisibleAsync();
            AxeResult result = await page.RunAxe();
            Assert.Empty(result.Violations.SelectMany(violation => violation.Nodes, (violation, node) => $"{violation.Id}: {node.Html}"));
            Assert.Equal(0, await page.EvaluateAsync<int>("document.documentElement.scrollWidth - innerWidth"));
        }
    }

    [Fact]
    public async Task A_screen_reader_hears_the_state_change_and_not_the_count()
    {
        await using SelfHost host = await SelfHost.StartAsync(Fast);
        IPage page = await browser.OpenTabAsync();
        await page.GotoAsync($"{host.Address}");
        await page.CountsToAsync(3);
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
        await using SelfHost host = await SelfHost.StartAsync(Fast);
        IPage page = await browser.OpenTabAsync();
        await page.GotoAsync($"{host.Address}");
        await Expect(page.Locator("#state")).ToHaveTextAsync("Open");
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
    [InlineData(320)]
    public async Task Nothing_moves_while_it_counts(int width)
    {
        await using SelfHost host = await SelfHost.StartAsync(Fast);
        IPage page = await browser.OpenTabAsync(width: width);
        await page.GotoAsync($"{host.Address}?events=/events%3FlastEventId=9994");
        await page.CountsToAsync(9995);
        const string Places = "[...document.querySelectorAll('section, figure, form, #connection, dd')].map((e) => e.getBoundingClientRect().y).join()";
        string before = await page.EvaluateAsync<string>(Places);
        await page.CountsToAsync(10_001);
        Assert.Equal(before, await page.EvaluateAsync<string>(Places));
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
        await page.WaitForFunctionAsync("() => drawn.length > 5");
        double[] drawn = await page.EvaluateAsync<double[]>("drawn");
        Assert.All(drawn.Zip(drawn.Skip(1)).Skip(2), pair => Assert.True(pair.Second - pair.First > 900)); // the first are of the layout
        await Expect(page.Locator("#state")).ToHaveCSSAsync("transition-duration", "0s");
    }
}
