using System.Diagnostics.Metrics;
using System.Globalization;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FuncSse.Streaming;

/// <summary>What the streams of a process share: options, time, the count of the open ones, and what an operator sees of them.</summary>
internal sealed class SseStreamRegistry : IHostedLifecycleService
{
    private readonly SseMetrics _metrics;
    private int _open;
    private long _served;

    public SseStreamRegistry(
        IOptions<SseOptions> options,
        CoalescingTimeProvider time,
        IHostApplicationLifetime lifetime,
        IMeterFactory meters,
        ILogger<SseStreamRegistry> logger)
    {
        (Options, Time, Stopping, Logger) = (options.Value, time, lifetime.ApplicationStopping, logger);
        _metrics = new SseMetrics(meters, () => Open);
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

        _metrics.StreamRefused();
        return false;
    }

    public void Leave(TimeSpan duration, SseStreamEnd reason)
    {
        Interlocked.Decrement(ref _open);
        Interlocked.Increment(ref _served);
        _metrics.StreamEnded(duration, reason);
    }

    public void CountEvent() => _metrics.EventSent();

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
}
