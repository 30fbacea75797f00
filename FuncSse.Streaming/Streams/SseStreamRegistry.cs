using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FuncSse.Streaming;

/// <summary>What the streams of a process share: options, time, the count of the open ones, and what an operator sees of them.</summary>
internal sealed class SseStreamRegistry : IHostedLifecycleService
{
    // How many failures of feeds are logged with their exception in a period. A database that is away makes thousands.
    private const int MaxFailuresLogged = 10;
    private static readonly TimeSpan FailurePeriod = TimeSpan.FromSeconds(10);

    private readonly SseOptions _options;
    private readonly SseStreamSettings _settings;
    private readonly ConcurrentDictionary<Type, object> _json = [];
    private readonly Lock _failureGate = new();
    private int _open;
    private int _abandoned;
    private long _served;
    private long _failurePeriod;
    private int _failures;

    public SseStreamRegistry(
        IOptions<SseOptions> options,
        CoalescingTimeProvider time,
        IHostApplicationLifetime lifetime,
        IMeterFactory meters,
        ILogger<SseStreamRegistry> logger)
    {
        (_options, Time, Stopping, Logger) = (options.Value, time, lifetime.ApplicationStopping, logger);
        _settings = new SseStreamSettings(_options, own: null);
        Metrics = new SseMetrics(meters, () => Open, () => Volatile.Read(ref _abandoned));
        Backoff = new SseBackoff(time);
        Clients = new SseClients(_options);
    }

    public CoalescingTimeProvider Time { get; }

    public CancellationToken Stopping { get; }

    public ILogger Logger { get; }

    public SseMetrics Metrics { get; }

    public SseBackoff Backoff { get; }

    public SseClients Clients { get; }

    /// <summary>Streams that are open, and those that have ended while their feed still runs: they hold as much.</summary>
    public int Open => Volatile.Read(ref _open);

    public SseStreamSettings Settings(SseStreamOptions? own) => own is null ? _settings : new SseStreamSettings(_options, own);

    /// <summary>How data of a type becomes JSON; looked up once.</summary>
    public SseJson<T> Json<T>(IServiceProvider services) => (SseJson<T>)_json.GetOrAdd(typeof(T), static (_, services) => new SseJson<T>(services), services);

    /// <summary>
    /// Counts a stream in, unless <see cref="SseOptions.MaxStreams"/> are open, or its client has
    /// <see cref="SseOptions.MaxStreamsPerClient"/>. Each that came in must <see cref="Leave"/>.
    /// </summary>
    /// <param name="traceIdentifier">The request's, for the log.</param>
    /// <param name="client">Whose stream it is, as <see cref="SseClients.Name"/> says.</param>
    public bool TryEnter(string traceIdentifier, string? client = null)
    {
        if (!Clients.TryEnter(client))
        {
            Metrics.StreamRefused();
            Log.StreamOfClientRefused(Logger, traceIdentifier, _options.MaxStreamsPerClient!.Value);
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
        Log.StreamRefused(Logger, traceIdentifier, limit);
        return false;
    }

    /// <summary>Counts a stream out; one whose feed still runs keeps its place until that lets go.</summary>
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

    /// <summary>Logs a feed's failure with its exception, unless there are many.</summary>
    public void LogFailure(Exception exception, string traceIdentifier)
    {
        int before;
        lock (_failureGate)
        {
            if (_failures == 0 || Time.GetElapsedTime(_failurePeriod) > FailurePeriod)
            {
                (_failures, _failurePeriod) = (0, Time.GetTimestamp());
            }

            before = _failures++;
        }

        if (before < MaxFailuresLogged)
        {
            Log.FeedFailed(Logger, exception, traceIdentifier);
        }
        else
        {
            Log.FeedFailedLate(Logger, exception, traceIdentifier);
        }

        if (before == MaxFailuresLogged)
        {
            Log.FailuresNotLogged(Logger, FailurePeriod);
        }
    }

    // Once all that starts has started, and once all that stops has stopped: the servers among them.
    Task IHostedLifecycleService.StartedAsync(CancellationToken cancellationToken)
    {
        Log.Started(Logger, _options.MaxDuration, _options.MaxStreams?.ToString(CultureInfo.InvariantCulture) ?? "none");
        return Task.CompletedTask;
    }

    Task IHostedLifecycleService.StoppedAsync(CancellationToken cancellationToken)
    {
        Log.Stopped(Logger, Interlocked.Read(ref _served), Open);
        return Task.CompletedTask;
    }

    Task IHostedLifecycleService.StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    Task IHostedService.StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    Task IHostedLifecycleService.StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    Task IHostedService.StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
