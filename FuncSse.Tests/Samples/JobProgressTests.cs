using System.Net;
using System.Text.Json;
using FuncSse.Tests.Topics;
using FuncSse.Topics;
using JobProgress;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace FuncSse.Tests.Samples;

/// <summary>The sample that shows a long job, with a real orchestration in this process. The work of its steps is done when a test says.</summary>
public sealed class JobProgressTests(Browser browser) : IAsyncLifetime, IClassFixture<Browser>
{
    private readonly SemaphoreSlim _work = new(0);
    private SampleServer _server = null!;
    private DurableTaskTestHost _durable = null!;

    public async ValueTask InitializeAsync()
    {
        _durable = await DurableTaskTestHost.StartAsync(
            registry => registry
                .AddOrchestratorFunc<int>(nameof(JobFunctions.Job), (context, _) => JobFunctions.Job(context))
                .AddActivityFunc<int>(nameof(JobFunctions.Work), WorkAsync)
                .AddActivityFunc<Progress>(nameof(JobFunctions.Report), (_, progress) =>
                    ActivatorUtilities.CreateInstance<JobFunctions>(_server.Services).Report(progress, CancellationToken.None)),
            new DurableTaskTestHostOptions { Port = FreePort.Find(), LoggerFactory = NullLoggerFactory.Instance },
            TestContext.Current.CancellationToken);
        _server = await SampleServer.StartAsync(
            typeof(JobFunctions), (services, _) => services.AddTopics().AddSingleton(_durable.Client));
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        await _durable.DisposeAsync();
        _work.Dispose();
    }

    [Fact]
    public async Task Job_is_a_stream_with_an_end_that_everyone_is_told()
    {
        string id = await StartJobAsync();
        using TopicClient stream = await OpenAsync(id);
        _work.Release();
        string first = await stream.FrameAsync();
        string run = SubscriptionReader.Id(first)[..^1];
        Assert.Equal(Frame(id, 1, run), first);
        using TopicClient second = await OpenAsync(id);
        Assert.Equal(first, await second.FrameAsync());
        _work.Release(9);
        string rest = await stream.RestAsync();
        Assert.Contains(State("Completed", id, 10), rest, StringComparison.Ordinal);
        Assert.Equal(rest, await second.RestAsync());
        string last = SubscriptionReader.Id(rest[rest.LastIndexOf("event: end\n", StringComparison.Ordinal)..]);
        using HttpResponseMessage again = await _server.SendAsync(HttpMethod.Get, $"jobs/{id}/events", headers: ("Last-Event-ID", last));
        Assert.Equal(HttpStatusCode.NoContent, again.StatusCode);
        using TopicClient late = await OpenAsync(id);
        Assert.Equal(first + rest, await late.RestAsync());
    }

    [Fact]
    public async Task Client_that_comes_back_is_told_what_is_new()
    {
        string id = await StartJobAsync();
        using TopicClient first = await OpenAsync(id);
        _work.Release();
        string step = await first.FrameAsync();
        using TopicClient second = await OpenAsync(id, ("Last-Event-ID", SubscriptionReader.Id(step)));
        _work.Release();
        Assert.Equal(Frame(id, 2, SubscriptionReader.Id(step)[..^1]), await second.FrameAsync());
    }

    [Fact]
    public async Task Job_that_was_stopped_ends_too_and_one_that_is_not_there_has_no_stream()
    {
        string id = await StartJobAsync();
        using TopicClient stream = await OpenAsync(id);
        _work.Release(2);
        await _durable.Client.TerminateInstanceAsync(id, cancellation: TestContext.Current.CancellationToken)
            .WaitAsync(TopicServer.Limit, TestContext.Current.CancellationToken);
        Assert.Contains("event: end\ndata: {\"status\":\"Terminated\"", await stream.RestAsync(), StringComparison.Ordinal);
        using HttpResponseMessage unknown = await _server.SendAsync(HttpMethod.Get, "jobs/unknown/events");
        Assert.Equal(HttpStatusCode.NoContent, unknown.StatusCode);
    }

    [Fact]
    public async Task Client_that_comes_back_to_a_job_whose_stream_was_interrupted_is_told_so()
    {
        string id = await StartJobAsync();
        using TopicClient stream = await OpenAsync(id);
        _work.Release();
        string first = await stream.FrameAsync();
        await _server.Services.GetRequiredService<IRecordedStreams>().StopAsync($"jobs/{id}", TestContext.Current.CancellationToken);
        await Task.Delay(1500, TestContext.Current.CancellationToken); // The end is recorded. The job goes on.
        using HttpResponseMessage back = await _server.SendAsync(
            HttpMethod.Get, $"jobs/{id}/events", headers: ("Last-Event-ID", SubscriptionReader.Id(first)));
        Assert.Equal(HttpStatusCode.OK, back.StatusCode);
    }

    [Fact]
    public async Task Page_that_comes_after_the_end_of_a_job_that_nobody_watched_is_told_the_end()
    {
        string id = await StartJobAsync();
        _work.Release(10);
        await _durable.Client.WaitForInstanceCompletionAsync(id, TestContext.Current.CancellationToken)
            .WaitAsync(TopicServer.Limit, TestContext.Current.CancellationToken);
        using TopicClient late = await OpenAsync(id);
        Assert.Contains("event: end\n", await late.RestAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Job_is_a_topic_too()
    {
        using TopicClient all = await _server.OpenAsync(HttpMethod.Get, "topics/jobs/*");
        await all.FrameAsync();
        await all.FrameAsync();
        string id = await StartJobAsync();
        _work.Release(10);
        for (int step = 1; step <= 10; step++)
        {
            Assert.StartsWith(
                $$"""
                event: progress
                data: {"job":"{{id}}","done":{{step}},"of":10}
                id: 
                """,
                await all.FrameAsync(),
                StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Page_shows_the_progress_and_the_end()
    {
        IPage page = await browser.OpenTabAsync();
        await page.GotoAsync($"{_server.Client.BaseAddress}");
        ILocator button = page.GetByRole(AriaRole.Button, new() { Name = "Start" });
        await button.ClickAsync();
        await Expect(button).ToBeDisabledAsync();
        _work.Release(4);
        await Expect(page.Locator("#bar")).ToHaveJSPropertyAsync("value", 4);
        await Expect(page.Locator("#state")).ToHaveTextAsync("Running");
        _work.Release(6);
        await Expect(page.Locator("#state")).ToHaveTextAsync("Completed");
        await Expect(page.Locator("#bar")).ToHaveJSPropertyAsync("value", 10);
        await Expect(button).ToBeEnabledAsync();
    }

    [Fact]
    public async Task Page_follows_the_topic_when_the_stream_ends_before_the_job()
    {
        IPage page = await browser.OpenTabAsync();
        await page.GotoAsync($"{_server.Client.BaseAddress}");
        Task<IRequest> opened = page.WaitForRequestAsync("**/jobs/*/events");
        await page.GetByRole(AriaRole.Button, new() { Name = "Start" }).ClickAsync();
        string id = new Uri((await opened).Url).Segments[2].TrimEnd('/');
        _work.Release(2);
        await Expect(page.Locator("#bar")).ToHaveJSPropertyAsync("value", 2);
        await _server.Services.GetRequiredService<IRecordedStreams>().StopAsync($"jobs/{id}", TestContext.Current.CancellationToken);
        _work.Release(8);
        await Expect(page.Locator("#state")).ToHaveTextAsync("Completed");
        await Expect(page.Locator("#bar")).ToHaveJSPropertyAsync("value", 10);
    }

    [Fact]
    public async Task Browser_does_not_come_back_after_the_end()
    {
        string id = await StartJobAsync();
        using TopicClient first = await OpenAsync(id); // It records the stream.
        _work.Release(10);
        IPage page = await browser.OpenTabAsync();
        await page.GotoAsync($"{_server.Client.BaseAddress}");
        string seen = await page.EvaluateAsync<string>(
            """
            (url) => new Promise((done) => {
              const stream = new EventSource(url);
              const seen = [];
              stream.addEventListener('end', () => seen.push('end'));
              stream.onerror = () => { seen.push(stream.readyState); if (stream.readyState === 2) done(seen.join()); };
            })
            """,
            $"/jobs/{id}/events").WaitAsync(TopicServer.Limit, TestContext.Current.CancellationToken);
        Assert.Equal("end,0,2", seen); // It reconnected once, and 204 told it to stop.
    }

    private static string Frame(string id, int step, string run) =>
        $"event: progress\ndata: {State("Running", id, step)}\nid: {run}{step}\n\n";

    private static string State(string status, string id, int step) =>
        $$$"""{"status":"{{{status}}}","progress":{"job":"{{{id}}}","done":{{{step}}},"of":10}}""";

    private async Task<TopicClient> OpenAsync(string id, params (string Name, string Value)[] headers)
    {
        TopicClient stream = await _server.OpenAsync(HttpMethod.Get, $"jobs/{id}/events", headers: headers);
        Assert.Equal(":\n\n", await stream.FrameAsync());
        return stream;
    }

    private async Task<string> StartJobAsync()
    {
        using HttpResponseMessage response = await _server.SendAsync(HttpMethod.Post, "jobs");
        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        using JsonDocument body = JsonDocument.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        string id = body.RootElement.GetProperty("id").GetString()!;
        Assert.Equal($"/jobs/{id}/events", response.Headers.Location!.ToString());
        return id;
    }

    private async Task<object?> WorkAsync(TaskActivityContext context, int step)
    {
        await _work.WaitAsync(TopicServer.Limit, TestContext.Current.CancellationToken);
        return null;
    }
}
