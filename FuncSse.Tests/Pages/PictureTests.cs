using Microsoft.Playwright;

namespace FuncSse.Tests;

/// <summary>
/// Takes README's picture from the real page: <c>dotnet run --project FuncSse.Tests -- -explicit only -class FuncSse.Tests.PictureTests</c>.
/// </summary>
public sealed class PictureTests(Browser browser) : IClassFixture<Browser>
{
    [Fact(Explicit = true)]
    public async Task Takes_the_picture_of_the_page()
    {
        string path = Path.Combine(RepositoryRoot.Path, "docs", "page.png");
        DateTime start = DateTime.UtcNow;
        await using SelfHost host = await SelfHost.StartAsync();
        IPage page = await browser.OpenTabAsync(ColorScheme.Light, motion: ReducedMotion.NoPreference);
        await page.SetViewportSizeAsync(1280, 1200); // down to the newest messages
        await page.GotoAsync($"{host.Address}");
        await page.CountsToAsync(20);
        await host.KillAsync();
        await host.StartAgainAsync();
        await page.WaitForFunctionAsync("() => Number(document.querySelector('#count').textContent) >= 60", null, new() { Timeout = 120_000 });
        await page.ScreenshotAsync(new PageScreenshotOptions { Path = path });
        Assert.True(File.GetLastWriteTimeUtc(path) >= start);
    }
}
