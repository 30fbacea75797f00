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
    public async Task Job_is_a_stream_with_an_end()
    {
        string id = await StartJobAsync();
        using TopicClient stream = await _server.OpenAsync(HttpMethod.Get, $"jobs/{id}/events");
        Assert.Equal("retry: 1000\n\n", await stream.FrameAsync());
        _work.Release();
        Assert.Equal(Frame(id, 1), await stream.FrameAsync());
        _work.Release(9);
        string rest = await stream.RestAsync();
        Assert.EndsWith(End("Completed", id, 10), rest, StringComparison.Ordinal);
        using HttpResponseMessage again = await _server.SendAsync(HttpMethod.Get, $"jobs/{id}/events", headers: ("Last-Event-ID", "end"));
        Assert.Equal(HttpStatusCode.NoContent, again.StatusCode);
    }

    [Fact]
    public async Task Client_that_comes_back_is_told_what_is_new()
    {
        string id = await StartJobAsync();
        _work.Release(3);
        using (TopicClient first = await _server.OpenAsync(HttpMethod.Get, $"jobs/{id}/events", headers: ("Last-Event-ID", "2")))
        {
            await first.FrameAsync();
            Assert.Equal(Frame(id, 3), await first.FrameAsync());
        }

        using TopicClient second = await _server.OpenAsync(HttpMethod.Get, $"jobs/{id}/events", headers: ("Last-Event-ID", "3"));
        await second.FrameAsync();
        _work.Release();
        Assert.Equal(Frame(id, 4), await second.FrameAsync());
    }

    [Fact]
    public async Task Job_that_was_stopped_and_job_that_is_not_there_end_too()
    {
        string id = await StartJobAsync();
        _work.Release(2);
        await _durable.Client.TerminateInstanceAsync(id, cancellation: TestContext.Current.CancellationToken)
            .WaitAsync(TopicServer.Limit, TestContext.Current.CancellationToken);
        using TopicClient stream = await _server.OpenAsync(HttpMethod.Get, $"jobs/{id}/events");
        Assert.Contains("event: end\ndata: {\"status\":\"Terminated\"", await stream.RestAsync(), StringComparison.Ordinal);
        using TopicClient unknown = await _server.OpenAsync(HttpMethod.Get, "jobs/unknown/events");
        Assert.EndsWith(
            "event: end\ndata: {\"status\":\"Unknown\",\"progress\":null}\nid: end\n\n", await unknown.RestAsync(), StringComparison.Ordinal);
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
    public async Task Browser_does_not_come_back_after_the_end()
    {
        string id = await StartJobAsync();
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

    private static string Frame(string id, int step) =>
        $"event: progress\ndata: {State("Running", id, step)}\nid: {step}\n\n";

    private static string End(string status, string id, int step) => $"event: end\ndata: {State(status, id, step)}\nid: end\n\n";

    private static string State(string status, string id, int step) =>
        $$$"""{"status":"{{{status}}}","progress":{"job":"{{{id}}}","done":{{{step}}},"of":10}}""";

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
