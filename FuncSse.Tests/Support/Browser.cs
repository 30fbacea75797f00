using Microsoft.Playwright;

namespace FuncSse.Tests;

/// <summary>
/// The tabs of a class, in the Chromium that all classes share. Each tab has a profile of its own. Without a browser the tests are skipped.
/// </summary>
public sealed class Browser(SharedServers servers) : IAsyncLifetime
{
    private static readonly string?[] s_candidates =
    [
        Environment.GetEnvironmentVariable("FUNCSSE_BROWSER"),
        "/usr/bin/chromium-headless-shell", // The same engine without the windows: a tab takes a third of the processor time.
        "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome",
    ];

    private static readonly string? s_path = Array.Find(s_candidates, File.Exists);

    private IPage? _tab;

    internal static async Task<IBrowser> LaunchAsync()
    {
        Assertions.SetDefaultExpectTimeout(30_000);
        IPlaywright playwright = await Playwright.CreateAsync();
        IBrowser browser = await playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions
        {
            ExecutablePath = s_path,
            Args = ["--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-popup-blocking"],
        });
        browser.Disconnected += (_, _) => playwright.Dispose();
        return browser;
    }

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync() => await CloseAsync();

    /// <summary>The self-host that all classes share, for tests that do not stop it.</summary>
    public Task<SelfHost> GetHostAsync() => servers.GetSelfHostAsync();

    /// <summary>Like <see cref="GetHostAsync"/>, with a host that counts ten times a second.</summary>
    public Task<SelfHost> GetFastHostAsync() => servers.GetFastSelfHostAsync();

    /// <summary>Opens a tab, and closes the one that this class had before.</summary>
    /// <remarks>Motion is reduced where nothing else is asked for, since a page that draws each event takes half a processor in a test.</remarks>
    public async Task<IPage> OpenTabAsync(ColorScheme? scheme = null, int width = 1280, ReducedMotion motion = ReducedMotion.Reduce)
    {
        await CloseAsync();
        _tab = await NewPageAsync(new BrowserNewPageOptions
        {
            ColorScheme = scheme,
            ReducedMotion = motion,
            ViewportSize = new ViewportSize { Width = width, Height = 900 },
        });
        return _tab;
    }

    /// <summary>Opens a tab of another user, whose requests all have a header. The caller closes it.</summary>
    public Task<IPage> OpenTabOfAsync(string header, string value) =>
        NewPageAsync(new BrowserNewPageOptions { ExtraHTTPHeaders = [KeyValuePair.Create(header, value)] });

    /// <summary>
    /// A tab with a host's page, on the counter or on other events, started by hand where they are elsewhere; with a count to wait for, once
    /// the page shows it.
    /// </summary>
    public async Task<IPage> WatchAsync(SelfHost host, string? events = null, string types = "", int width = 1280, int? until = null)
    {
        IPage page = await OpenTabAsync(width: width);
        string query = events is null ? "" : $"?events={Uri.EscapeDataString(events)}&types={Uri.EscapeDataString(types)}";
        await page.GotoAsync($"{host.Address}{query}");
        if (events?.StartsWith("http://127.0.0.1", StringComparison.Ordinal) ?? false)
        {
            await page.StartAsync();
        }

        await (until is { } count ? page.CountsToAsync(count) : Task.CompletedTask);
        return page;
    }

    private async Task<IPage> NewPageAsync(BrowserNewPageOptions options)
    {
        Assert.SkipWhen(
            s_path is null,
            "There is no browser. Type `sudo apt-get install chromium-headless-shell`, or set FUNCSSE_BROWSER to the path of a Chromium or Chrome.");
        return await (await servers.GetChromiumAsync()).NewPageAsync(options);
    }

    private async Task CloseAsync() => await (_tab?.CloseAsync() ?? Task.CompletedTask);
}

internal static class PageWaits
{
    // By default the condition is looked at in each frame, which makes the page draw sixty frames a second.
    private static readonly PageWaitForFunctionOptions s_poll = new() { PollingInterval = 50 };

    /// <summary>Waits until a function of the page's script returns true.</summary>
    public static Task UntilAsync(this IPage page, string condition, object? argument = null) =>
        page.WaitForFunctionAsync(condition, argument, s_poll);

    /// <summary>Starts what the page does not start by itself, since it is elsewhere.</summary>
    public static Task StartAsync(this IPage page) => page.GetByRole(AriaRole.Button, new() { Name = "Start", Exact = true }).ClickAsync();

    /// <summary>
    /// Gives the page that opens next a clock that moves with each event, so that a busy machine makes no event late and no interval irregular.
    /// </summary>
    /// <param name="page">The tab, before it goes to the page.</param>
    /// <param name="interval">The time from one event to the next, in ms.</param>
    public static async Task MoveClockWithEventsAsync(this IPage page, int interval) =>
        await page.AddInitScriptAsync(
            $$"""
            let events = 0;
            performance.now = () => {{interval}} * events;
            const listen = EventSource.prototype.addEventListener;
            EventSource.prototype.addEventListener = function (type, act, ...rest) {
              listen.call(this, type, type === 'message' ? (event) => { events++; act(event); } : act, ...rest);
            };
            """);

    /// <summary>Lets the page believe that its tab is <c>hidden</c> or <c>visible</c>: no headless browser hides a tab.</summary>
    public static async Task SetVisibilityAsync(this IPage page, string state) =>
        await page.EvaluateAsync(
            """
            (state) => {
              Object.defineProperty(document, 'visibilityState', { value: state, configurable: true });
              document.dispatchEvent(new Event('visibilitychange'));
            }
            """,
            state);

    /// <summary>Waits until the count that the page shows is this or more.</summary>
    public static async Task CountsToAsync(this IPage page, int count) =>
        await page.UntilAsync("count => Number(document.querySelector('#count').textContent) >= count", count);

    /// <summary>Waits until the plot has an upright line, over half its height or more, in a colour of the page's style.</summary>
    public static async Task HasLineAsync(this IPage page, string colour) =>
        await page.UntilAsync(
            """
            (colour) => {
              const plot = document.getElementById('plot');
              const { data } = plot.getContext('2d').getImageData(0, 0, plot.width, plot.height);
              const hex = getComputedStyle(document.documentElement).getPropertyValue(colour);
              const wanted = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
              const heights = new Array(plot.width).fill(0);
              for (let i = 0; i < data.length; i += 4) {
                if (wanted.every((part, at) => data[i + at] === part)) heights[i / 4 % plot.width]++;
              }
              return Math.max(...heights) >= plot.height / 2;
            }
            """,
            colour);
}
