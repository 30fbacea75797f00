using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FuncSse.Streaming;

/// <summary>What the streams of a process share: options, time, limits, metrics and the log.</summary>
internal sealed class StreamServices : IHostedLifecycleService
{
    // How many failures of feeds are logged as errors in a period. A database that cannot be reached causes thousands.
    private const int MaxFailuresLogged = 10;
    private static readonly TimeSpan s_failurePeriod = TimeSpan.FromSeconds(10);

    private readonly SseOptions _options;
    private readonly SseStreamSettings _settings;
    private readonly ConcurrentDictionary<Type, object> _json = [];
    private readonly bool _isSectionIgnored;
    private readonly Lock _failureGate = new();
    private int _open;
    private int _abandoned;
    private long _served;
    private long _failurePeriod;
    private int _failures;
    private bool _hasWarnedOfIds;

    public StreamServices(
        IOptions<SseOptions> options,
        CoalescingTimeProvider time,
        IHostApplicationLifetime lifetime,
        IMeterFactory meters,
        ILogger<StreamServices> logger,
        IEnumerable<IConfigureOptions<SseOptions>> setups,
        IConfiguration? configuration = null)
    {
        (_options, Time, Stopping, Logger) = (options.Value, time, lifetime.ApplicationStopping, new SafeLogger(logger));
        _isSectionIgnored = SseOptionsSetup.IsSectionIgnored(configuration, setups);
        _settings = new SseStreamSettings(_options, own: null);
        Metrics = new StreamMetrics(meters, () => Open, () => Volatile.Read(ref _abandoned));
        Backoff = new SseBackoff(time);
        Sweep = new StreamSweep(time, Stopping);
        Clients = new ClientLimiter(_options);
    }

    public CoalescingTimeProvider Time { get; }

    public CancellationToken Stopping { get; }

    public ILogger Logger { get; }

    public StreamMetrics Metrics { get; }

    public SseBackoff Backoff { get; }

    public ClientLimiter Clients { get; }

    public StreamSweep Sweep { get; }

    /// <summary>How many streams are open. A stream that has ended while its feed still runs counts, since it holds as much memory.</summary>
    public int Open => Volatile.Read(ref _open);

    public SseStreamSettings Settings(SseStreamOptions? own) => own is null ? _settings : new SseStreamSettings(_options, own);

    /// <summary>The serialiser for data of a type, which is made once.</summary>
    public SseJson<T> Json<T>(IServiceProvider services) => (SseJson<T>)_json.GetOrAdd(typeof(T), static (_, services) => new SseJson<T>(services), services);

    /// <summary>
    /// Counts a stream in, unless <see cref="SseOptions.MaxStreams"/> are open, or its client has <see cref="SseOptions.MaxStreamsPerClient"/>. Each
    /// stream that was counted in must be counted out with <see cref="Leave"/>.
    /// </summary>
    /// <param name="traceIdentifier">The request's identifier in the log.</param>
    /// <param name="client">The client's key from <see cref="ClientLimiter.GetKey"/>.</param>
    public bool TryEnter(string traceIdentifier, string? client = null)
    {
        if (!Clients.TryEnter(client))
        {
            Metrics.StreamRefused();
            StreamLogMessages.StreamOfClientRefused(Logger, traceIdentifier, _options.MaxStreamsPerClient!.Value);
            return false;
        }

        int limit = _options.MaxStreams ?? int.MaxValue;
        for (int open = Open; open < limit;)
        {
            int found = Interlocked.CompareExchange(ref _open, open + 1, open);
            if (found == open)
            {
                return true;
            }

            open = found;
        }

        Clients.Leave(client);
        Metrics.StreamRefused();
        StreamLogMessages.StreamRefused(Logger, traceIdentifier, limit);
        return false;
    }

    /// <summary>Counts a stream out. If its feed still runs, the stream keeps its place until the feed has ended.</summary>
    public void Leave(TimeSpan duration, SseStreamEnd reason, Task? abandonedFeed, string? client = null)
    {
        Interlocked.Increment(ref _served);
        Metrics.StreamEnded(duration, reason);
        if (abandonedFeed is null)
        {
            Interlocked.Decrement(ref _open);
            Clients.Leave(client);
            return;
        }

        Interlocked.Increment(ref _abandoned);
        abandonedFeed.ContinueWith(
            _ =>
            {
                Interlocked.Decrement(ref _abandoned);
                Interlocked.Decrement(ref _open);
                Clients.Leave(client);
            },
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
    }

    /// <summary>Logs a feed's failure as an error, or at Debug if there are many.</summary>
    public void LogFailure(Exception exception, string traceIdentifier)
    {
        int before;
        lock (_failureGate)
        {
            if (_failures == 0 || Time.GetElapsedTime(_failurePeriod) > s_failurePeriod)
            {
                (_failures, _failurePeriod) = (0, Time.GetTimestamp());
            }

            before = _failures++;
        }

        if (before < MaxFailuresLogged)
        {
            StreamLogMessages.FeedFailed(Logger, exception, traceIdentifier);
        }
        else
        {
            StreamLogMessages.FeedFailedLate(Logger, exception, traceIdentifier);
        }

        if (before == MaxFailuresLogged)
        {
            StreamLogMessages.FailuresNotLogged(Logger, s_failurePeriod);
        }
    }

    /// <summary>Warns, once in the process, that a stream that can be resumed had events without ids.</summary>
    public void WarnOfMissingIds()
    {
        if (!Interlocked.Exchange(ref _hasWarnedOfIds, true))
        {
            StreamLogMessages.EventsHaveNoIds(Logger);
        }
    }

    // All servers have started when StartedAsync is called, and have stopped when StoppedAsync is called.
    Task IHostedLifecycleService.StartedAsync(CancellationToken cancellationToken)
    {
        StreamLogMessages.Started(Logger, _options.MaxDuration, _options.MaxStreams?.ToString(CultureInfo.InvariantCulture) ?? "none");
        if (_isSectionIgnored)
        {
            StreamLogMessages.SectionIsIgnored(Logger, SseOptions.Section);
        }

        return Task.CompletedTask;
    }

    Task IHostedLifecycleService.StoppedAsync(CancellationToken cancellationToken)
    {
        StreamLogMessages.Stopped(Logger, Interlocked.Read(ref _served), Open);
        return Task.CompletedTask;
    }

    Task IHostedLifecycleService.StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    Task IHostedService.StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    Task IHostedLifecycleService.StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    Task IHostedService.StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
