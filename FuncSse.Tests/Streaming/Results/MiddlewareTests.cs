using System.IO.Compression;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using FuncSse.Streaming;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Timeouts;
using Microsoft.AspNetCore.HttpLogging;
using Microsoft.AspNetCore.RateLimiting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;

namespace FuncSse.Tests;

/// <summary>Streams behind the framework's own middleware, which is made for responses that are short.</summary>
public sealed class MiddlewareTests : IAsyncDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    private readonly TaskCompletionSource _release = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly WebApplicationBuilder _builder = WebApplication.CreateSlimBuilder();
    private readonly FakeLogCollector _logs = new();
    private readonly HttpClient _client = new() { Timeout = s_limit };
    private WebApplication? _app;
    private int _feeds;

    public MiddlewareTests()
    {
        _builder.WebHost.UseUrls("http://127.0.0.1:0");
        _builder.Logging.ClearProviders().AddProvider(new FakeLoggerProvider(_logs)).AddFilter("Microsoft.AspNetCore.HttpLogging", LogLevel.Information);
        _builder.Services.AddServerSentEvents().ConfigureServerForStreams();
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await (_app?.DisposeAsync() ?? ValueTask.CompletedTask);
    }

    [Fact]
    public async Task Output_caching_neither_makes_the_second_client_wait_nor_gives_it_a_copy()
    {
        _builder.Services.AddOutputCache(cache => cache.AddBasePolicy(policy => policy.Cache()));
        await StartAsync(app => app.UseOutputCache());
        using StreamReader first = await OpenAsync();
        using StreamReader second = await OpenAsync();
        Assert.Equal("data: a of 1", await EventAsync(first));
        Assert.Equal("data: a of 2", await EventAsync(second));
        _release.SetResult();
        Assert.Equal("data: b of 1", await EventAsync(first));
        Assert.Equal("data: b of 2", await EventAsync(second));
        using StreamReader third = await OpenAsync();
        Assert.Equal("data: a of 3", await EventAsync(third));
    }

    [Fact]
    public async Task Output_caching_stores_no_stream_of_an_endpoint_whose_results_it_cannot_know()
    {
        _builder.Services.AddOutputCache(cache => cache.AddBasePolicy(policy => policy.Cache().SetLocking(false)));
        await StartAsync(app => app.UseOutputCache());
        _release.SetResult();
        using StreamReader first = await OpenAsync("/any");
        Assert.EndsWith("data: b of 1\n\n", await RestAsync(first), StringComparison.Ordinal);
        using StreamReader second = await OpenAsync("/any");
        Assert.EndsWith("data: b of 2\n\n", await RestAsync(second), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Request_timeout_does_not_end_a_stream()
    {
        _builder.Services.AddRequestTimeouts(timeouts => timeouts.DefaultPolicy = new RequestTimeoutPolicy { Timeout = TimeSpan.FromMilliseconds(100) });
        await StartAsync(app => app.UseRequestTimeouts());
        using StreamReader stream = await OpenAsync();
        Assert.Equal("data: a of 1", await EventAsync(stream));
        await Task.Delay(300, TestContext.Current.CancellationToken);
        _release.SetResult();
        Assert.Equal("data: b of 1", await EventAsync(stream));
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("br")]
    public async Task Compression_does_not_hold_an_event_back(string encoding)
    {
        _builder.Services.AddResponseCompression(compression => compression.MimeTypes = ["text/event-stream"]);
        await StartAsync(app => app.UseResponseCompression());
        _client.DefaultRequestHeaders.Add("Accept-Encoding", encoding);
        using StreamReader stream = await OpenAsync();
        Assert.Equal("data: a of 1", await EventAsync(stream));
        _release.SetResult();
        Assert.Equal("data: b of 1", await EventAsync(stream));
        Assert.Empty(await RestAsync(stream));
    }

    [Fact]
    public async Task Http_logging_of_bodies_does_not_hold_an_event_back()
    {
        _builder.Services.AddHttpLogging(logging =>
        {
            logging.LoggingFields = HttpLoggingFields.All;
            logging.MediaTypeOptions.AddText("text/event-stream");
        });
        await StartAsync(app => app.UseHttpLogging());
        using StreamReader stream = await OpenAsync();
        Assert.Equal("data: a of 1", await EventAsync(stream));
        _release.SetResult();
        Assert.Equal("data: b of 1", await EventAsync(stream));
        await Eventually.TrueAsync(() => _logs.GetSnapshot().Any(entry => entry.Message.Contains("data: b of 1", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Stream_holds_its_permit_of_a_rate_limiter_until_it_ends()
    {
        _builder.Services.AddRateLimiter(limiter => limiter.AddConcurrencyLimiter("one", one => one.PermitLimit = 1));
        await StartAsync(app => app.UseRateLimiter(), endpoint => endpoint.RequireRateLimiting("one"));
        using (StreamReader first = await OpenAsync())
        {
            Assert.Equal("data: a of 1", await EventAsync(first));
            using HttpResponseMessage refused = await _client.GetAsync(Url("/stream"), TestContext.Current.CancellationToken);
            Assert.Equal(503, (int)refused.StatusCode);
        }

        await Eventually.TrueAsync(async () =>
        {
            using HttpResponseMessage next = await _client.GetAsync(Url("/stream"), HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
            return (int)next.StatusCode == 200;
        });
    }

    [Fact]
    public async Task Error_pages_do_not_touch_a_stream()
    {
        await StartAsync(app => app.UseExceptionHandler(error => error.Run(http => http.Response.WriteAsync("An error page."))).UseStatusCodePages());
        using StreamReader failing = await OpenAsync("/failing");
        Assert.Matches("^retry: 1000\n\ndata: a\n\nretry: \\d{4}\n\n$", await RestAsync(failing));
        using HttpResponseMessage stop = await _client.GetAsync(Url("/stop"), TestContext.Current.CancellationToken);
        Assert.Equal(204, (int)stop.StatusCode);
        Assert.Empty(await stop.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("https://app.example", "https://app.example")]
    [InlineData("https://other.example", null)]
    public async Task Cors_middleware_of_the_app_has_its_say(string origin, string? allowed)
    {
        _builder.Services.AddCors(cors => cors.AddDefaultPolicy(policy => policy.WithOrigins("https://app.example", "https://app2.example").AllowCredentials()));
        await StartAsync(app => app.UseCors().Use((http, next) =>
        {
            http.Response.Headers.Vary = "Accept-Language";
            return next(http);
        }));
        _release.SetResult();
        using var request = new HttpRequestMessage(HttpMethod.Get, Url("/listed")) { Headers = { { "Origin", origin } } };
        using HttpResponseMessage response = await _client.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(allowed, response.Headers.TryGetValues("Access-Control-Allow-Origin", out IEnumerable<string>? values) ? Assert.Single(values) : null);
        Assert.Equal("Accept-Language", response.Headers.Vary.First());
        Assert.Contains("Origin", response.Headers.Vary);
    }

    [Fact]
    public async Task Life_of_a_stream_stays_out_of_the_durations_of_requests()
    {
        await StartAsync(_ => { });
        using var durations = new MetricCollector<double>(_app!.Services.GetRequiredService<System.Diagnostics.Metrics.IMeterFactory>(), "Microsoft.AspNetCore.Hosting", "http.server.request.duration");
        using var lives = new MetricCollector<double>(_app!.Services.GetRequiredService<System.Diagnostics.Metrics.IMeterFactory>(), SseMeter.Name, "funcsse.stream.duration");
        using var waits = new MetricCollector<double>(_app!.Services.GetRequiredService<System.Diagnostics.Metrics.IMeterFactory>(), SseMeter.Name, "funcsse.stream.time_to_first_event");
        _release.SetResult();
        using StreamReader stream = await OpenAsync();
        await RestAsync(stream);
        await Eventually.TrueAsync(() => lives.GetMeasurementSnapshot().Count == 1);
        Assert.Single(waits.GetMeasurementSnapshot());
        using HttpResponseMessage other = await _client.GetAsync(Url("/"), TestContext.Current.CancellationToken);
        await Eventually.TrueAsync(() => durations.GetMeasurementSnapshot().Count == 1);
        Assert.Equal("/", durations.LastMeasurement!.Tags["http.route"]);
    }

    private async Task StartAsync(Action<WebApplication> use, Action<IEndpointConventionBuilder>? configure = null)
    {
        _app = _builder.Build();
        use(_app);
        IEndpointConventionBuilder endpoint = _app.MapGet("/stream", () => new SseStreamResult<string>(FeedAsync));
        configure?.Invoke(endpoint);
        _app.MapGet("/any", IResult () => new SseStreamResult<string>(FeedAsync));
        _app.MapGet("/listed", () => new SseStreamResult<string>(FeedAsync, options: new SseStreamOptions { AllowedOrigins = ["https://third.example"] }));
        _app.MapGet("/failing", () => new SseStreamResult<string>((_, _) => FailAsync()));
        _app.MapGet("/stop", () => new SseStopResult());
        _app.MapGet("/", () => "");
        await _app.StartAsync(TestContext.Current.CancellationToken);
    }

    private Uri Url(string path) => new(new Uri(_app!.Urls.Single()), path);

    private async Task<StreamReader> OpenAsync(string path = "/stream")
    {
        HttpResponseMessage response = await _client.GetAsync(Url(path), HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        Assert.Equal(200, (int)response.StatusCode);
        Stream body = await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken);
        return new StreamReader(response.Content.Headers.ContentEncoding.SingleOrDefault() switch
        {
            "gzip" => new GZipStream(body, CompressionMode.Decompress),
            "br" => new BrotliStream(body, CompressionMode.Decompress),
            _ => body,
        });
    }

    private static Task<string> RestAsync(StreamReader stream) => stream.ReadToEndAsync(TestContext.Current.CancellationToken).WaitAsync(s_limit);

    private static async Task<string> EventAsync(StreamReader stream)
    {
        while (true)
        {
            string? line = await stream.ReadLineAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(s_limit);
            Assert.NotNull(line);
            if (line.StartsWith("data", StringComparison.Ordinal))
            {
                Assert.Equal("", await stream.ReadLineAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(s_limit));
                return line;
            }
        }
    }

    private async IAsyncEnumerable<SseItem<string>> FeedAsync(string? lastEventId, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        int feed = Interlocked.Increment(ref _feeds);
        yield return new SseItem<string>($"a of {feed}");
        await _release.Task.WaitAsync(cancellationToken);
        yield return new SseItem<string>($"b of {feed}");
    }

    private static async IAsyncEnumerable<SseItem<string>> FailAsync()
    {
        yield return new SseItem<string>("a");
        await Task.Yield();
        throw new InvalidOperationException("no");
    }
}
