using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using FuncSse.Streaming;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Playwright;

namespace FuncSse.Tests;

/// <summary>Answers to POST requests, as a page of another origin reads them with <c>@microsoft/fetch-event-source</c> in Chromium.</summary>
public sealed class FetchEventSourceTests(Browser browser) : IAsyncLifetime, IClassFixture<Browser>
{
    private const string Script =
        """
        async ([url, end]) => {
          const { fetchEventSource } = await import('/package/index');
          const tokens = [];
          const leave = new AbortController();
          const told = await new Promise((tell) => fetchEventSource(url, {
            method: 'POST',
            headers: { 'Authorization': 'Bearer t', 'Content-Type': 'application/json' },
            body: JSON.stringify('a question'),
            signal: leave.signal,
            openWhenHidden: true,
            async onmessage({ data }) {
              if (data === '') return; // The package takes a retry and a comment for messages.
              tokens.push(data);
              if (end === 'abort' && data === '2') {
                leave.abort();
                tell('aborted');
              } else {
                await fetch(`/took?${data}`);
              }
            },
            onclose: () => tell('closed'),
            onerror: (error) => {
              tell('error');
              throw error;
            },
          }).catch(() => {}));
          return `${tokens} ${told}`;
        }
        """;

    private readonly Channel<string> _taken = Channel.CreateUnbounded<string>();
    private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private WebApplication _pages = null!;
    private WebApplication _api = null!;

    public async ValueTask InitializeAsync()
    {
        string package = Path.Combine(ScenarioServer.Folder(), "node_modules", "@microsoft", "fetch-event-source", "lib", "esm");
        Assert.SkipUnless(Directory.Exists(package), "The fetch-event-source package is not installed. Type `npm ci --prefix FuncSse.Tests/Pages/browser`.");
        _pages = Build();
        _pages.MapGet("/", () => Results.Content("<!DOCTYPE html>", "text/html"));
        _pages.MapGet("/package/{name}", (string name) => Results.Text(File.ReadAllText(Path.Combine(package, Path.GetFileName(name) + ".js")), "text/javascript"));
        _pages.MapGet("/took", (HttpRequest request) => _taken.Writer.TryWrite(request.QueryString.Value!));
        await _pages.StartAsync(TestContext.Current.CancellationToken);
        _api = Build();
        var options = new SseStreamOptions { IsResumable = false, AllowedOrigins = [_pages.Urls.Single()] };
        _api.MapMethods("/answer", ["POST", "OPTIONS"], IResult (HttpRequest request) =>
            request.Method == "POST" && request.Headers.Authorization != "Bearer t"
                ? Results.Unauthorized()
                : new SseStreamResult<string>((_, cancellationToken) => AnswerAsync(request.Query["end"]!, cancellationToken), options: options));
        await _api.StartAsync(TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await (_pages?.DisposeAsync() ?? ValueTask.CompletedTask);
        await (_api?.DisposeAsync() ?? ValueTask.CompletedTask);
    }

    [Theory]
    [InlineData("done", "1,2,3 closed")]
    [InlineData("fail", "1,2,3 error")]
    [InlineData("abort", "1,2 aborted")]
    public async Task Tokens_come_one_by_one_and_the_end_is_told(string end, string told)
    {
        IPage page = await browser.OpenTabAsync();
        await page.GotoAsync(_pages.Urls.Single());
        Task<string> seen = page.EvaluateAsync<string>(Script, new[] { $"{_api.Urls.Single()}/answer?end={end}", end });
        Assert.Equal(told, await seen.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
        await _stopped.Task.WaitAsync(TimeSpan.FromSeconds(1), TestContext.Current.CancellationToken);
    }

    // Each token waits until the page has the one before.
    private async IAsyncEnumerable<SseItem<string>> AnswerAsync(string end, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        try
        {
            for (int token = 1; token <= 3; token++)
            {
                yield return new SseItem<string>($"{token}");
                Assert.Equal($"?{token}", await _taken.Reader.ReadAsync(cancellationToken));
            }

            if (end == "fail")
            {
                throw new InvalidOperationException("The model is away.");
            }
        }
        finally
        {
            _stopped.SetResult();
        }
    }

    private static WebApplication Build()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddServerSentEvents().ConfigureServerForStreams();
        return builder.Build();
    }
}
