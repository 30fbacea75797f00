using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace FuncSse.Tests;

/// <summary>The page under a flood of events. It runs alone, since it is judged by how quickly it answers.</summary>
[Collection(nameof(PageLoadTests))]
[CollectionDefinition(nameof(PageLoadTests), DisableParallelization = true)]
public sealed class PageLoadTests(Browser browser) : IClassFixture<Browser>
{
    [Fact]
    public async Task Thousands_of_events_a_second_leave_the_page_bounded_and_quick_to_answer()
    {
        await using FeedServer feed = await FeedServer.StartAsync(async http =>
        {
            FeedServer.Open(http);
            using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
            for (int id = 1; await timer.WaitForNextTickAsync(http.RequestAborted); id += 30)
            {
                var frames = new StringBuilder();
                foreach (int n in Enumerable.Range(id, 30))
                {
                    frames.Append(CultureInfo.InvariantCulture, $"id: {n}\ndata: {n}\n\n");
                }

                await http.Response.WriteAsync(frames.ToString(), http.RequestAborted);
            }
        });
        SelfHost host = await browser.GetHostAsync();
        IPage page = await browser.OpenTabAsync(motion: ReducedMotion.NoPreference);
        await page.AddInitScriptAsync("console.log = () => {}"); // each would come all the way here
        await page.GotoAsync($"{host.Address}?events={feed.Address}", new PageGotoOptions { WaitUntil = WaitUntilState.Commit });
        await page.StartAsync();
        await page.UntilAsync("() => Number(document.querySelector('#received').textContent) > 10000");

        await page.Locator("#toggle").ClickAsync(new LocatorClickOptions { Timeout = 3000 });
        await Expect(page.Locator("#state")).ToHaveTextAsync("Stopped", new() { Timeout = 3000 });
        Assert.Equal(100, await page.Locator("#rows tr").CountAsync());
        await Expect(page.Locator("#plot-title")).ToHaveTextAsync("Events a second");
        await Expect(page.Locator("#on-time")).ToBeHiddenAsync();
        await Expect(page.Locator("#summary")).ToContainTextAsync("no gaps, no repeats");
    }
}
