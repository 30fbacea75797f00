using System.Diagnostics.Metrics;
using System.IO.Pipelines;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text;
using FuncSse.Endpoints;
using FuncSse.Streaming;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;

namespace FuncSse.Tests;

/// <summary>
/// Runs a result against a request in memory, on a clock that the test moves. What the stream can do it has done when a call that opens
/// it or moves the clock returns: what was not written by then is not written. Only its end is another thread's work.
/// </summary>
internal sealed class StreamHarness : IHttpRequestLifetimeFeature, IHttpResponseBodyFeature, IHostApplicationLifetime, IDisposable
{
    // Of every wait, so that a fault fails its own test and does not hang the run.
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    private readonly ServiceProvider _services;
    private readonly CancellationTokenSource _stopping = new();
    private readonly CancellationTokenSource _client = new();
    private readonly CancellationTokenSource _host = new();
    private readonly Pipe _body;

    public StreamHarness(SseOptions? options = null, long pauseWriterAt = 1024 * 1024, Action<IServiceCollection>? configure = null)
    {
        Options = options ?? new SseOptions { AllowedOrigins = ["*"] };
        _body = new Pipe(new PipeOptions(
            readerScheduler: PipeScheduler.Inline,
            writerScheduler: PipeScheduler.Inline,
            pauseWriterThreshold: pauseWriterAt,
            resumeWriterThreshold: pauseWriterAt,
            useSynchronizationContext: false));
        Coalescing = new CoalescingTimeProvider(Time);
        IServiceCollection services = new ServiceCollection()
            .AddLogging(logging => logging.AddProvider(new FakeLoggerProvider(Logs)).SetMinimumLevel(LogLevel.Debug))
            .AddMetrics()
            .AddSingleton<IHostApplicationLifetime>(this)
            .AddSingleton(Microsoft.Extensions.Options.Options.Create(Options))
            .AddSingleton(Coalescing)
            .AddSingleton<StreamServices>();
        configure?.Invoke(services);
        _services = services.BuildServiceProvider();
        Http = NewRequest();
    }

    public SseOptions Options { get; }

    public ManualTimeProvider Time { get; } = new();

    public CoalescingTimeProvider Coalescing { get; }

    public FakeLogCollector Logs { get; } = new();

    public DefaultHttpContext Http { get; }

    public StreamServices Streams => _services.GetRequiredService<StreamServices>();

    public IMeterFactory MeterFactory => _services.GetRequiredService<IMeterFactory>();

    public bool IsAborted { get; private set; }

    /// <summary>What was written and not read yet when the server aborted the request.</summary>
    public string LastRead { get; private set; } = "";

    public bool IsUnbuffered { get; private set; }

    public CounterFeed Counter => new(TimeSpan.FromSeconds(1), Coalescing);

    /// <summary>A request like the first, for one more stream of the same process. They share the response's body.</summary>
    public DefaultHttpContext NewRequest()
    {
        var http = new DefaultHttpContext { RequestServices = _services };
        http.Request.Method = HttpMethods.Get;
        http.Request.Protocol = HttpProtocol.Http11;
        http.Features.Set<IHttpRequestLifetimeFeature>(this);
        http.Features.Set<IHttpResponseBodyFeature>(this);
        return http;
    }

    public Task RunAsync<T>(SseFeed<T> feed, SseStreamOptions? options = null) =>
        InlineContext.Run(() => new SseStreamResult<T>(feed, _host.Token, options).ExecuteAsync(Http)).WaitAsync(s_limit, TestContext.Current.CancellationToken);

    /// <summary>Runs a stream that ends by itself.</summary>
    public Task RunToEndAsync<T>(SseFeed<T> feed, SseStreamOptions? options = null) =>
        EndAsync(RunAsync(feed, options), TimeSpan.FromSeconds(1) + CoalescingTimeProvider.MaxDelay);

    /// <summary>
    /// Waits for a stream that is about to end, and moves the clock over the time for which it is held open. A feed has a second to clean up
    /// when the host stops, so that time has to be shorter then.
    /// </summary>
    public async Task EndAsync(Task run, TimeSpan? hold = null)
    {
        TimeSpan held = hold ?? TimeSpan.FromSeconds(0.6);
        await Eventually.TrueAsync(() => run.IsCompleted || Streams.Sweep.Count == 0);
        while (!run.IsCompleted)
        {
            // More than once, if what the clock had was still the sweep's.
            await Eventually.TrueAsync(() => run.IsCompleted || Time.NextDue <= Time.Now + held);
            if (!run.IsCompleted)
            {
                Time.Advance(held);
            }
        }

        await run;
    }

    public Task RunCounterAsync() => RunAsync(Counter.ReadAsync);

    /// <summary>A feed that says nothing, and throws when it is cancelled.</summary>
    public static async IAsyncEnumerable<SseItem<string>> SilentAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
        yield break;
    }

    /// <summary>All that was written since the last time.</summary>
    public string Read()
    {
        if (!_body.Reader.TryRead(out ReadResult result))
        {
            return "";
        }

        string text = Encoding.UTF8.GetString(result.Buffer);
        _body.Reader.AdvanceTo(result.Buffer.End);
        return text;
    }

    /// <summary>Takes some of the bytes that were written, as a slow client does.</summary>
    public async Task TakeAsync(int bytes)
    {
        ReadResult result = await _body.Reader.ReadAtLeastAsync(bytes, TestContext.Current.CancellationToken).AsTask().WaitAsync(s_limit);
        _body.Reader.AdvanceTo(result.Buffer.GetPosition(bytes));
    }

    public CancellationToken HostToken => _host.Token;

    public void LeaveAsClient() => _client.Cancel();

    public void CancelAsHost() => _host.Cancel();

    public void StopHost() => _stopping.Cancel();

    public void Dispose()
    {
        _services.Dispose();
        _stopping.Dispose();
        _client.Dispose();
        _host.Dispose();
        Coalescing.Dispose();
    }

    CancellationToken IHttpRequestLifetimeFeature.RequestAborted
    {
        get => _client.Token;
        set => throw new NotSupportedException();
    }

    // As Kestrel does: the pending flush ends, and the client counts as gone.
    void IHttpRequestLifetimeFeature.Abort()
    {
        IsAborted = true;
        LastRead = Read();
        _body.Reader.Complete();
        _client.Cancel();
    }

    Stream IHttpResponseBodyFeature.Stream => _body.Writer.AsStream();

    PipeWriter IHttpResponseBodyFeature.Writer => _body.Writer;

    void IHttpResponseBodyFeature.DisableBuffering() => IsUnbuffered = true;

    Task IHttpResponseBodyFeature.StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    Task IHttpResponseBodyFeature.SendFileAsync(string path, long offset, long? count, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    Task IHttpResponseBodyFeature.CompleteAsync() => Task.CompletedTask;

    CancellationToken IHostApplicationLifetime.ApplicationStarted => CancellationToken.None;

    CancellationToken IHostApplicationLifetime.ApplicationStopping => _stopping.Token;

    CancellationToken IHostApplicationLifetime.ApplicationStopped => CancellationToken.None;

    void IHostApplicationLifetime.StopApplication() => _stopping.Cancel();
}
