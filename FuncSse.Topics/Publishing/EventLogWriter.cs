
namespace FuncSse.Topics;

/// <summary>
/// Group commit: what is published while an append is under way goes out with the next one. One append is under way at a time, which keeps
/// the order of a caller's publishes.
/// </summary>
internal sealed class EventLogWriter : IAsyncDisposable
{
    /// <summary>How long a publisher waits for the log at most.</summary>
    public static readonly TimeSpan PublishTimeout = TimeSpan.FromSeconds(10);

    /// <summary>How long the log may take for pending events once the host stops.</summary>
    public static readonly TimeSpan ShutdownTimeout = TimeSpan.FromSeconds(4);

    /// <summary>How many bytes may wait. Beyond it, publishers get an error at once.</summary>
    internal const long MaxPendingBytes = 32L << 20;

    private static readonly TimeSpan s_askPause = TimeSpan.FromMilliseconds(200);

    private const int MaxBatchBytes = 2 << 20;

    // A reader that begins at the end of the log looks for values that are not written yet in the last 256 KB.
    private const int MaxRetainedBatchBytes = 128 << 10;
    private const int MaxBatchEvents = 4096;

    // How many batches a publisher's thread appends to a log that has them at once.
    private const int MaxTurns = 4;

    private readonly TimeSpan _interval;
    private readonly TimeProvider _time;
    private readonly TopicMetrics _metrics;
    private readonly EventLogAppender _appender;
    private readonly Lock _gate = new();
    private readonly Queue<PendingEvent> _pending = new();
    private readonly List<PendingEvent> _batch = []; // Only the run uses it, and there is one at most.
    private long _pendingBytes;
    private long? _shutdownBegan;
    private long? _stopBegan;
    private bool _runs;
    private TaskCompletionSource? _hasRun;

    /// <summary>Creates the writer.</summary>
    /// <param name="log">The log.</param>
    /// <param name="metrics">What it counts.</param>
    /// <param name="time">The clock.</param>
    /// <param name="interval">The shortest time from one append to the next: none by default.</param>
    public EventLogWriter(IEventLog log, TopicMetrics metrics, TimeProvider time, TimeSpan interval = default)
    {
        (_time, _metrics, _interval) = (time, metrics, interval);
        _appender = new EventLogAppender(log, metrics, time, FindLeft);
    }

    /// <summary>Appends an event and returns its position once the log has it.</summary>
    /// <exception cref="EventLogUnavailableException">
    /// The log did not take it within <see cref="PublishTimeout"/>, too many events wait already, or the host has stopped.
    /// </exception>
    public async Task<LogPosition> AppendAsync(string topic, string? type, ReadOnlyMemory<byte> data, bool retain, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        byte[] line = new EventRecord(topic, type, _time.GetUtcNow(), data, retain).Encode();
        var pending = new PendingEvent(line, retain ? topic : null, data.IsEmpty, _time.GetTimestamp());
        if (Enqueue(pending))
        {
            // The append begins on this thread, since a log in memory has the event at once, and then nobody waits. What waits for the log must not go on
            // in a context of this publisher, which may be busy for long: all others wait for it.
            bool hasContext = SynchronizationContext.Current is not null || TaskScheduler.Current != TaskScheduler.Default;
            _ = hasContext ? Task.Run(RunAsync, CancellationToken.None) : RunAsync();
        }

        LogPosition position;
        if (pending.Task.IsCompleted)
        {
            position = await pending.Task;
        }
        else
        {
            using CancellationTokenRegistration cancelled =
                cancellationToken.UnsafeRegister(static (waiting, token) => ((PendingEvent)waiting!).TrySetCanceled(token), pending);
            using ITimer timeout =
                _time.CreateTimer(static waiting => ((PendingEvent)waiting!).FailWithTimeout(), pending, PublishTimeout, Timeout.InfiniteTimeSpan);
            position = await pending.Task;
        }

        _metrics.Published(_time.GetElapsedTime(pending.Enqueued));
        return position;
    }

    /// <summary>Asks the log something before an append, and waits as long for the answer as a publisher waits.</summary>
    /// <exception cref="EventLogUnavailableException">The log did not answer within <see cref="PublishTimeout"/>, or the host has stopped.</exception>
    public async Task<T> AskAsync<T>(Func<CancellationToken, Task<T>> ask, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(FindLeft(_time.GetTimestamp()), _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        while (true)
        {
            try
            {
                return await ask(either.Token).WaitAsync(either.Token);
            }
            catch (EventLogUnavailableException) when (!limit.IsCancellationRequested && !IsStopped)
            {
                // As an append does, it is tried again.
            }
            catch (OperationCanceledException exception) when (!cancellationToken.IsCancellationRequested)
            {
                throw new EventLogUnavailableException("The event log did not answer in time.", exception);
            }

            await Task.Delay(s_askPause, _time, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>
    /// The host begins to stop, and the servers may still take a while. Pending events have <see cref="ShutdownTimeout"/> from now on, and each event
    /// that still comes has as much.
    /// </summary>
    public void BeginShutdown()
    {
        lock (_gate)
        {
            _shutdownBegan ??= _time.GetTimestamp();
        }
    }

    /// <summary>Takes no more events, and lets pending ones finish or fail within <see cref="ShutdownTimeout"/>.</summary>
    public Task StopAsync()
    {
        lock (_gate)
        {
            _stopBegan ??= _time.GetTimestamp();
            return _runs ? (_hasRun ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task : Task.CompletedTask;
        }
    }

    public ValueTask DisposeAsync() => new(StopAsync());

    private bool IsStopped
    {
        get
        {
            lock (_gate)
            {
                return _stopBegan is not null;
            }
        }
    }

    /// <summary>Adds an event.</summary>
    /// <returns>Whether the caller must run.</returns>
    private bool Enqueue(PendingEvent pending)
    {
        lock (_gate)
        {
            if (_stopBegan is not null)
            {
                throw new EventLogUnavailableException("The host has stopped and no longer publishes.");
            }

            if (_pendingBytes + pending.Size > MaxPendingBytes)
            {
                throw new EventLogUnavailableException("Too many events wait for the event log.");
            }

            _pendingBytes += pending.Size;
            _pending.Enqueue(pending);
            bool mustRun = !_runs;
            _runs = true;
            return mustRun;
        }
    }

    // Appends a batch, and then the next one, until none is pending.
    private async Task RunAsync()
    {
        long began = _time.GetTimestamp();
        for (int turn = 0; turn < MaxTurns; turn++)
        {
            if (!TakeBatch(_batch))
            {
                return;
            }

            long bytes = 0;
            foreach (PendingEvent pending in _batch)
            {
                bytes += pending.Size;
            }

            Task append = AppendAsync(_batch);
            bool isDone = append.IsCompleted;
            await append;
            lock (_gate)
            {
                _pendingBytes -= bytes;
            }

            if (!isDone || _interval > TimeSpan.Zero)
            {
                break;
            }
        }

        if (_interval - _time.GetElapsedTime(began) is { Ticks: > 0 } rest && !IsShuttingDown)
        {
            await Task.Delay(rest, _time);
        }

        // A publisher that waited for this batch often has its next event ready, which goes out with the next append and not with the one after. The
        // publisher whose thread this is does not append for others for long, and they do not append as that user or in that activity.
        using (ExecutionContext.SuppressFlow())
        {
            _ = Task.Run(RunAsync, CancellationToken.None);
        }
    }

    private async Task AppendAsync(List<PendingEvent> batch)
    {
        try
        {
            await _appender.AppendAsync(batch);
        }
        catch (Exception exception)
        {
            Fail(batch, exception);
        }
    }

    private bool IsShuttingDown
    {
        get
        {
            lock (_gate)
            {
                return _shutdownBegan is not null;
            }
        }
    }

    // How long an event may still wait that was published at this time.
    private TimeSpan FindLeft(long enqueued)
    {
        lock (_gate)
        {
            TimeSpan left = PublishTimeout - _time.GetElapsedTime(enqueued);
            TimeSpan? untilShutdown = ShutdownTimeout - (_shutdownBegan is { } shutdown ? _time.GetElapsedTime(Math.Max(shutdown, enqueued)) : null);
            TimeSpan? untilStop = ShutdownTimeout - (_stopBegan is { } stop ? _time.GetElapsedTime(stop) : null);
            left = untilShutdown < left ? untilShutdown.Value : left;
            left = untilStop < left ? untilStop.Value : left;
            return left > TimeSpan.Zero ? left : TimeSpan.Zero;
        }
    }

    private bool TakeBatch(List<PendingEvent> batch)
    {
        batch.Clear();
        lock (_gate)
        {
            (int bytes, int max) = (0, MaxBatchBytes);
            while (_pending.TryPeek(out PendingEvent? next) && batch.Count < MaxBatchEvents)
            {
                max = next.Retain ? MaxRetainedBatchBytes : max;
                if (batch.Count > 0 && bytes + next.Size > max)
                {
                    break;
                }

                _pending.Dequeue();
                if (next.Task.IsCompleted)
                {
                    _pendingBytes -= next.Size; // The publisher no longer waits.
                    continue;
                }

                bytes += next.Size;
                batch.Add(next);
            }

            if (batch.Count == 0)
            {
                _runs = false;
                _hasRun?.TrySetResult();
            }

            return batch.Count > 0;
        }
    }

    private void Fail(List<PendingEvent> batch, Exception exception)
    {
        EventLogUnavailableException failure = exception as EventLogUnavailableException
            ?? new EventLogUnavailableException("The event log did not take the event in time.", exception);
        if (exception is not (EventLogUnavailableException or OperationCanceledException))
        {
            _metrics.AppendFailed(exception);
        }

        foreach (PendingEvent pending in batch)
        {
            if (pending.TrySetException(failure))
            {
                _ = pending.Task.Exception; // This observes the exception even if nobody waits any more.
            }
        }
    }
}
