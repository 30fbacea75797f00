using System.Diagnostics;
using System.Text.RegularExpressions;
using Dashboard;
using Dashboard.Blazor;
using FuncSse.Tests.Topics;
using FuncSse.Topics;
using FuncSse.Topics.AzureStorage;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.AspNetCore.Components.Web.HtmlRendering;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace FuncSse.Tests.Samples;

/// <summary>The sample that shows current values: a page, the same page with the values in its HTML, and a Blazor component.</summary>
public sealed partial class DashboardTests(Browser browser, Azurite storage) : IClassFixture<Browser>, IClassFixture<Azurite>
{
    [Theory]
    [InlineData("")]
    [InlineData("rendered")]
    public async Task Fresh_tab_shows_the_values_at_once_and_then_changes(string path)
    {
        await using SampleServer server = await StartAsync();
        await MeasureAsync(server);
        IPage page = await browser.OpenTabAsync();
        await page.GotoAsync($"{server.Client.BaseAddress}{path}");
        await ShowsAsync(page);
        IPage second = await page.RunAndWaitForPopupAsync(() => page.EvaluateAsync("() => { open(location); }"));
        await ShowsAsync(second);
        await PublishAsync(server);
        foreach (IPage tab in (IPage[])[page, second])
        {
            await Expect(tab.Locator("output").Nth(2)).ToHaveTextAsync("<b>");
            await Expect(tab.Locator("output").Nth(1)).ToHaveTextAsync(Temperature());
        }

        static async Task ShowsAsync(IPage tab)
        {
            await Expect(tab.Locator("#state")).ToHaveTextAsync("open");
            await Expect(tab.Locator("output")).ToHaveTextAsync([.. Enumerable.Repeat(Temperature(), 5)]);
        }
    }

    [Fact]
    public async Task Html_contains_the_values_and_the_position_after_them()
    {
        await using SampleServer server = await StartAsync();
        await MeasureAsync(server);
        string id = await PublishAsync(server);
        string html = await server.Client.GetStringAsync("rendered", TestContext.Current.CancellationToken);
        Assert.Equal(4, Output().Count(html));
        Assert.Contains("<output id=\"sensors/3\">&lt;b&gt;</output>", html, StringComparison.Ordinal);
        Assert.Contains($"<ul data-position=\"{id}\">", html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Component_shows_the_values_and_then_changes_until_it_is_closed()
    {
        await using SampleServer server = await StartAsync();
        await MeasureAsync(server);
        TopicHub hub = server.Services.GetRequiredService<TopicHub>();
        await using (var renderer = new HtmlRenderer(server.Services, server.Services.GetRequiredService<ILoggerFactory>()))
        {
            HtmlRootComponent component = await renderer.Dispatcher.InvokeAsync(renderer.BeginRenderingComponent<Sensors>);
            Task<string> HtmlAsync() => renderer.Dispatcher.InvokeAsync(component.ToHtmlString);
            await Eventually.TrueAsync(async () => Item().Count(await HtmlAsync()) == 5);
            await PublishAsync(server);
            await Eventually.TrueAsync(async () => (await HtmlAsync()).Contains("<li>sensors/3: &lt;b&gt; ", StringComparison.Ordinal));
        }

        await Eventually.TrueAsync(() => hub.Ring.Head is null); // Nobody reads any more.
    }

    [Fact]
    public async Task Blazor_app_shows_what_the_function_app_publishes()
    {
        (string Name, string Value)[] settings =
            [("AzureWebJobsStorage", storage.ConnectionString), ("Topics:Log", "storage"), ("Topics:Name", $"d{Guid.NewGuid():N}")];
        await using SampleServer functions = await SampleServer.StartAsync(
            typeof(SensorFunction),
            (services, configuration) => services.AddTopics(configuration.GetSection("Topics")).AddAzureStorageEventLog(configuration),
            settings);
        await MeasureAsync(functions);
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Dashboard.Blazor.dll")])
        {
            RedirectStandardOutput = true,
            WorkingDirectory = Path.Combine(RepositoryRoot.Path, "samples", "Dashboard", "Blazor"), // The folder of the tests has settings of another app.
        };
        foreach ((string name, string value) in (IEnumerable<(string, string)>)
            [.. settings, ("ASPNETCORE_URLS", "http://127.0.0.1:0"), ("ASPNETCORE_ENVIRONMENT", "Development")])
        {
            start.Environment[name.Replace(":", "__", StringComparison.Ordinal)] = value;
        }

        using Process app = Process.Start(start)!;
        try
        {
            var address = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
            app.OutputDataReceived += (_, line) => _ = Listening().Match(line.Data ?? "") is { Success: true } match && address.TrySetResult(match.Groups[1].Value);
            app.BeginOutputReadLine();
            IPage page = await browser.OpenTabAsync();
            await page.GotoAsync(await address.Task.WaitAsync(TopicServer.Limit, TestContext.Current.CancellationToken));
            await Expect(page.Locator("li")).ToHaveTextAsync([.. Enumerable.Repeat(Row(), 5)]);
            await PublishAsync(functions);
            await Expect(page.Locator("li").Nth(2)).ToHaveTextAsync("sensors/3: <b> °C");
        }
        finally
        {
            app.Kill();
        }
    }

    private static Task<string> PublishAsync(SampleServer server) => server.Services.GetRequiredService<ITopicPublisher>()
        .PublishAsync("sensors/3", "<b>", retain: true, cancellationToken: TestContext.Current.CancellationToken);

    private static Task MeasureAsync(SampleServer server) =>
        ActivatorUtilities.CreateInstance<SensorFunction>(server.Services).Run(new TimerInfo(), TestContext.Current.CancellationToken);

    private static Task<SampleServer> StartAsync() => SampleServer.StartAsync(typeof(SensorFunction), (services, _) => services.AddTopics());

    [GeneratedRegex(@"Now listening on: (\S+)")]
    private static partial Regex Listening();

    [GeneratedRegex(@"^sensors/[1-5]: 2\d\.\d\d °C$")]
    private static partial Regex Row();

    [GeneratedRegex(@"^2\d\.\d\d$")]
    private static partial Regex Temperature();

    [GeneratedRegex(@"<output id=""sensors/[1-5]"">2\d\.\d\d</output>")]
    private static partial Regex Output();

    [GeneratedRegex(@"<li>sensors/[1-5]: 2\d\.\d\d ")]
    private static partial Regex Item();
}
