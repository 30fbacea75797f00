using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace FuncSse.Streaming;

/// <summary>What the streams of a process share: settings, time, the count of the open ones, and what an operator sees of them.</summary>
internal sealed class SseStreams : IHostedLifecycleService
{
    /// <summary>The name of the meter; the instruments are named and measured after OpenTelemetry's conventions.</summary>
    public const string MeterName = "FuncSse";

    private readonly Counter<long> _sentEvents;
    private readonly Counter<long> _refusedStreams;
    private readonly Histogram<double> _duration;
    private int _open;
    private long _served;

    public SseStreams(
        SseOptions options,
        CoalescingTimeProvider time,
        IHostApplicationLifetime lifetime,
        IMeterFactory meters,
        ILogger<SseStreams> logger)
    {
        (Options, Time, Stopping, Logger) = (options, time, lifetime.ApplicationStopping, logger);
        Meter meter = meters.Create(MeterName);
        meter.CreateObservableUpDownCounter("funcsse.active_streams", () => Open, "{stream}", "Streams that are open.");
        _sentEvents = meter.CreateCounter<long>("funcsse.sent_events", "{event}", "Events written to streams.");
        _refusedStreams = meter.CreateCounter<long>("funcsse.refused_streams", "{stream}", "Streams refused because too many were open.");
        _duration = meter.CreateHistogram(
            "funcsse.stream.duration",
            "s",
            "How long streams lasted, by the reason they ended.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.1, 1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600] });
    }

    public SseOptions Options { get; }

    public CoalescingTimeProvider Time { get; }

    public CancellationToken Stopping { get; }

    public ILogger Logger { get; }

    public int Open => Volatile.Read(ref _open);

    /// <summary>Counts a stream in, unless <see cref="SseOptions.MaxStreams"/> are open. Each that came in must <see cref="Leave"/>.</summary>
    public bool TryEnter()
    {
        int limit = Options.MaxStreams ?? int.MaxValue;
        for (int open = Open; open < limit;)
        {
            int found = Interlocked.CompareExchange(ref _open, open + 1, open);
            if (found == open)
            {
                return true;
            }

            open = found;
        }

        _refusedStreams.Add(1);
        return false;
    }

    public void Leave(TimeSpan duration, SseStreamEnd reason)
    {
        Interlocked.Decrement(ref _open);
        Interlocked.Increment(ref _served);
        _duration.Record(duration.TotalSeconds, new KeyValuePair<string, object?>("funcsse.stream.end_reason", Name(reason)));
    }

    public void CountEvent() => _sentEvents.Add(1);

    // Once all that starts has started, and once all that stops has stopped: the servers among them.
    Task IHostedLifecycleService.StartedAsync(CancellationToken cancellationToken)
    {
        Log.Started(Logger, Options.MaxDuration, Options.MaxStreams?.ToString(CultureInfo.InvariantCulture) ?? "none");
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

    private static string Name(SseStreamEnd reason) => reason switch
    {
        SseStreamEnd.ClientLeft => "client_left",
        SseStreamEnd.ClientStalled => "client_stalled",
        SseStreamEnd.Lifetime => "lifetime",
        SseStreamEnd.HostStopping => "host_stopping",
        SseStreamEnd.HostCancelled => "host_cancelled",
        SseStreamEnd.FeedEnded => "feed_ended",
        SseStreamEnd.FeedFailed => "feed_failed",
        _ => throw new UnreachableException(),
    };
}
