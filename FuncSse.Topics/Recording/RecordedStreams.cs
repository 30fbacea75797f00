using System.Diagnostics.CodeAnalysis;
using FuncSse.Streaming;
using Microsoft.Extensions.Hosting;

namespace FuncSse.Topics;

/// <summary>The recorded streams that this process produces or follows.</summary>
internal sealed class RecordedStreams : IRecordedStreams
{
    public const int MaxNameLength = TopicName.MaxLength - 2;

    private readonly RecordingLog _log;
    private readonly RecordingMetrics _metrics;
    private readonly TopicOptions _options;
    private readonly TimeProvider _time;
    private readonly CancellationToken _stopping;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, (RecordingProducer Producer, Task<RecordedStreamEnd> Task)> _produced = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (Recording Recording, Task Task)> _followed = new(StringComparer.Ordinal);

    public RecordedStreams(RecordingLog log, TopicOptions options, RecordingMetrics metrics, TimeProvider time, IHostApplicationLifetime lifetime)
    {
        (_log, _options, _metrics, _time, _stopping) = (log, options, metrics, time, lifetime.ApplicationStopping);
        _stopping.Register(log.BeginShutdown);
        _stopping.Register(() => Array.ForEach(Producers(), producer => producer.Stop(RecordedStreamEnd.HostStopped)));
        metrics.Observe(() => Producers().Length);
    }

    public static bool IsName([NotNullWhen(true)] string? name) => name?.Length <= MaxNameLength && TopicName.IsValid(name);

    public Task<RecordedStreamEnd> Start(string name, SseFeed<string> feed, RecordedStreamOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(feed);
        ThrowIfInvalid(name);
        return AwaitAsync(name, StartProducer(name, feed, options ?? new RecordedStreamOptions()));
    }

    public async Task StopAsync(string name, CancellationToken cancellationToken = default)
    {
        ThrowIfInvalid(name);
        FindProducer(name)?.Stop(RecordedStreamEnd.Stopped);
        await _log.AppendAsync(name, RecordingEntry.OfStop(), cancellationToken);
    }

    /// <summary>Starts a producer, unless this process has one of the name.</summary>
    /// <exception cref="RecordingLimitException">There are too many.</exception>
    /// <exception cref="AlreadyRecordedException">It has ended.</exception>
    public (RecordingProducer Producer, Task<RecordedStreamEnd> Task) StartProducer(string name, SseFeed<string> feed, RecordedStreamOptions options)
    {
        lock (_gate)
        {
            if (_produced.TryGetValue(name, out (RecordingProducer Producer, Task<RecordedStreamEnd> Task) known))
            {
                // Its end may still be on the way into the log.
                return known.Producer.Recording.End is null || known.Producer.IsSuperseded ? known : throw new AlreadyRecordedException();
            }

            if (_produced.Count >= _options.MaxRecordings)
            {
                throw new RecordingLimitException($"At most {_options.MaxRecordings} feeds are recorded at a time in a process.");
            }

            var producer = new RecordingProducer(name, feed, options, _log, _metrics, _time);
            Task<RecordedStreamEnd> task;
            // The feed must not run in the activity and as the user of a request that it outlives.
            using (ExecutionContext.SuppressFlow())
            {
                task = Task.Run(() => RunAsync(name, producer), CancellationToken.None);
            }

            _produced.Add(name, (producer, task));
            if (_stopping.IsCancellationRequested)
            {
                producer.Stop(RecordedStreamEnd.HostStopped); // The others were told before.
            }

            return (producer, task);
        }
    }

    /// <summary>Finds a stream to follow; <see langword="null"/> if there is none, or no longer.</summary>
    /// <exception cref="EventLogUnavailableException">The log cannot be reached.</exception>
    public async Task<Recording?> FindAsync(string name, RecordedStreamOptions options)
    {
        if (FindLocal(name) is { } local)
        {
            return local;
        }

        RecordingEntry? known = await _log.FindAsync(name);
        if (known is { Kind: RecordingEntry.EndKind })
        {
            var over = new Recording();
            over.SetRun(known.Run);
            over.Add([.. known.Events]);
            over.Finish(known.End ?? RecordedStreamEnd.Died);
            return over;
        }

        return known?.From is { } from ? Follow(name, from, options) : null;
    }

    /// <summary>Waits until all ends are in the log, or the host has no more time.</summary>
    public async Task StopAsync()
    {
        Task[] tasks;
        lock (_gate)
        {
            tasks = [.. _produced.Values.Select(one => one.Task), .. _followed.Values.Select(one => one.Task)];
        }

        await Task.WhenAll(tasks).WaitAsync(EventLogWriter.ShutdownTimeout, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _log.DisposeAsync();
    }

    private async Task<RecordedStreamEnd> AwaitAsync(string name, (RecordingProducer Producer, Task<RecordedStreamEnd> Task) started)
    {
        if (await started.Producer.Claim == RecordingClaim.Over)
        {
            throw new AlreadyRecordedException();
        }

        RecordedStreamEnd end = await started.Task;
        if (!started.Producer.IsSuperseded || await FindAsync(name, new RecordedStreamOptions()) is not { } other)
        {
            return end;
        }

        for (; other.End is null; await other.WaitAsync(other.Count))
        {
        }

        return other.End.Value;
    }

    private async Task<RecordedStreamEnd> RunAsync(string name, RecordingProducer producer)
    {
        try
        {
            RecordedStreamEnd end = await producer.RunAsync();
            if (!producer.IsSuperseded)
            {
                _metrics.Ended(name, end, producer.Recording.Count);
            }

            return end;
        }
        finally
        {
            lock (_gate)
            {
                _produced.Remove(name);
            }
        }
    }

    private Recording Follow(string name, string from, RecordedStreamOptions options)
    {
        lock (_gate)
        {
            if (!_followed.TryGetValue(name, out (Recording Recording, Task) known))
            {
                var follower = new RecordingFollower(name, options, _log, _time);
                using (ExecutionContext.SuppressFlow())
                {
                    _followed.Add(name, known = (follower.Recording, Task.Run(() => RunAsync(name, follower, from), CancellationToken.None)));
                }
            }

            return known.Recording;
        }
    }

    private async Task RunAsync(string name, RecordingFollower follower, string from)
    {
        try
        {
            await follower.RunAsync(from, _stopping);
        }
        finally
        {
            lock (_gate)
            {
                _followed.Remove(name);
            }
        }
    }

    private Recording? FindLocal(string name)
    {
        lock (_gate)
        {
            return _produced.TryGetValue(name, out (RecordingProducer Producer, Task<RecordedStreamEnd>) produced) && !produced.Producer.IsSuperseded
                    && produced.Producer.Claim is not { IsCompletedSuccessfully: true, Result: not RecordingClaim.Free }
                ? produced.Producer.Recording
                : _followed.TryGetValue(name, out (Recording Recording, Task) followed) ? followed.Recording : null;
        }
    }

    private RecordingProducer? FindProducer(string name)
    {
        lock (_gate)
        {
            return _produced.TryGetValue(name, out (RecordingProducer Producer, Task<RecordedStreamEnd>) produced) ? produced.Producer : null;
        }
    }

    private RecordingProducer[] Producers()
    {
        lock (_gate)
        {
            return [.. _produced.Values.Select(one => one.Producer)];
        }
    }

    private static void ThrowIfInvalid(string name)
    {
        if (!IsName(name))
        {
            throw new ArgumentException(TopicName.Refuse(name, MaxNameLength), nameof(name));
        }
    }
}
