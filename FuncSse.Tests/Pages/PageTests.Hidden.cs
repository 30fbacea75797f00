using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace FuncSse.Tests;

// The page in a tab that nobody sees.
public sealed partial class PageTests
{
    [Fact]
    public async Task A_hidden_page_draws_nothing_and_counts_on()
    {
        SelfHost host = await browser.GetFastHostAsync();
        IPage page = await browser.OpenTabAsync(motion: ReducedMotion.NoPreference);
        await page.GotoAsync($"{host.Address}");
        await page.CountsToAsync(3);
        await page.EvaluateAsync(
            """
            () => {
              Object.defineProperty(document, 'hidden', { get: () => window.away, configurable: true });
              const draw = CanvasRenderingContext2D.prototype.clearRect;
              CanvasRenderingContext2D.prototype.clearRect = function (...box) { window.work++; draw.apply(this, box); };
              window.away = true;
              document.dispatchEvent(new Event('visibilitychange'));
              // What was asked for before still comes: one frame.
              return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {
                window.work = 0;
                new MutationObserver(() => window.work++).observe(document, { subtree: true, childList: true, characterData: true });
                done();
              })));
            }
            """);
        await page.RunAndWaitForConsoleMessageAsync(() => Task.CompletedTask);
        await page.RunAndWaitForConsoleMessageAsync(() => Task.CompletedTask);
        Assert.Equal(0, await page.EvaluateAsync<int>("work"));

        await page.EvaluateAsync("() => { away = false; document.dispatchEvent(new Event('visibilitychange')); }");
        await page.CountsToAsync(8);
        await NothingIsMissingAsync(page, firstId: 1);
    }

    [Fact]
    public async Task A_tab_that_is_hidden_for_a_minute_is_paused_and_says_so()
    {
        SelfHost host = await browser.GetFastHostAsync();
        IPage page = await browser.OpenTabAsync();
        await page.AddInitScriptAsync("const { setTimeout: after } = window; window.setTimeout = (act, ms, ...rest) => after(act, ms === 60_000 ? 300 : ms, ...rest);");
        await page.GotoAsync($"{host.Address}");
        await page.CountsToAsync(3);

        var closed = new TaskCompletionSource<string?>();
        page.RequestFailed += (_, request) => closed.TrySetResult(request.Failure);
        await page.SetVisibilityAsync("hidden");
        Assert.Equal("net::ERR_ABORTED", await closed.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
        await Expect(page).ToHaveTitleAsync("Paused · FuncSse");
        await Expect(page.Locator("#state")).ToHaveTextAsync("Paused");
        await Expect(page.Locator("#notice")).ToHaveTextAsync(Paused());
        int last = int.Parse(Paused().Match(await page.Locator("#notice").InnerTextAsync()).Groups[1].Value, CultureInfo.InvariantCulture);

        await page.SetVisibilityAsync("visible");
        await page.CountsToAsync(last + 5);
        await Expect(page.Locator("#state")).ToHaveTextAsync("Open");
        await NothingIsMissingAsync(page, firstId: 1);

        await page.SetVisibilityAsync("hidden");
        await Expect(page.Locator("#state")).ToHaveTextAsync("Paused");
        await page.GetByRole(AriaRole.Button, new() { Name = "Stop" }).ClickAsync();
        await Expect(page.Locator("#state")).ToHaveTextAsync("Stopped");
        await page.SetVisibilityAsync("visible");
        await Expect(page.Locator("#state")).ToHaveTextAsync("Stopped");
    }

    [GeneratedRegex(@"^Paused, since this tab has been hidden for a minute\. When it is shown, the stream goes on after event id (\d+)\.$")]
    private static partial Regex Paused();
}
