
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

    private readonly TimeSpan _interval;
    private readonly TimeProvider _time;
    private readonly TopicMetrics _metrics;
    private readonly EventLogAppender _appender;
    private readonly CancellationTokenSource _shutdown;
    private readonly CancellationTokenSource _stop;
    private readonly Lock _gate = new();
    private readonly Queue<PendingEvent> _pending = new();
    private long _pendingBytes;
    private volatile bool _isShuttingDown;
    private Task _run = Task.CompletedTask;
    private bool _runs;
    private volatile bool _stopped;

    /// <summary>Creates the writer.</summary>
    /// <param name="log">The log.</param>
    /// <param name="metrics">What it counts.</param>
    /// <param name="time">The clock.</param>
    /// <param name="interval">The shortest time from one append to the next: none by default.</param>
    public EventLogWriter(IEventLog log, TopicMetrics metrics, TimeProvider time, TimeSpan interval = default)
    {
        (_time, _metrics, _interval) = (time, metrics, interval);
        _shutdown = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        _stop = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        _appender = new EventLogAppender(log, metrics, time);
    }

    /// <summary>Appends an event and returns its position once the log has it.</summary>
    /// <exception cref="EventLogUnavailableException">
    /// The log did not take it within <see cref="PublishTimeout"/>, too many events wait already, or the host has stopped.
    /// </exception>
    public async Task<LogPosition> AppendAsync(string topic, string? type, ReadOnlyMemory<byte> data, bool retain, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var pending = new PendingEvent(topic, type, data, retain, _time.GetUtcNow(), _time.GetTimestamp());
        Enqueue(pending);
        await using CancellationTokenRegistration cancelled =
            cancellationToken.UnsafeRegister(static (waiting, token) => ((PendingEvent)waiting!).TrySetCanceled(token), pending);
        await using ITimer timeout =
            _time.CreateTimer(static waiting => ((PendingEvent)waiting!).FailWithTimeout(), pending, PublishTimeout, Timeout.InfiniteTimeSpan);
        LogPosition position = await pending.Task;
        _metrics.Published(_time.GetElapsedTime(pending.Enqueued));
        return position;
    }

    /// <summary>Asks the log something before an append, and waits as long for the answer as a publisher waits.</summary>
    /// <exception cref="EventLogUnavailableException">The log did not answer within <see cref="PublishTimeout"/>, or the host has stopped.</exception>
    public async Task<T> AskAsync<T>(Func<CancellationToken, Task<T>> ask, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(_isShuttingDown ? ShutdownTimeout : PublishTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        while (true)
        {
            try
            {
                return await ask(either.Token).WaitAsync(either.Token);
            }
            catch (EventLogUnavailableException) when (!limit.IsCancellationRequested && !_stopped)
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
        _isShuttingDown = true;
        _shutdown.CancelAfter(ShutdownTimeout);
    }

    /// <summary>Takes no more events, and lets pending ones finish or fail within <see cref="ShutdownTimeout"/>.</summary>
    public async Task StopAsync()
    {
        Task run;
        lock (_gate)
        {
            if (!_stopped)
            {
                _stopped = true;
                _stop.CancelAfter(ShutdownTimeout);
            }

            run = _run;
        }

        await run;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _shutdown.Dispose();
        _stop.Dispose();
    }

    private void Enqueue(PendingEvent pending)
    {
        lock (_gate)
        {
            if (_stopped)
            {
                throw new EventLogUnavailableException("The host has stopped and no longer publishes.");
            }

            if (_pendingBytes + pending.Size > MaxPendingBytes)
            {
                throw new EventLogUnavailableException("Too many events wait for the event log.");
            }

            _pendingBytes += pending.Size;
            _pending.Enqueue(pending);
            if (!_runs)
            {
                _runs = true;
                _run = Task.Run(RunAsync, CancellationToken.None);
            }
        }
    }

    private async Task RunAsync()
    {
        var batch = new List<PendingEvent>();
        while (TakeBatch(batch))
        {
            long began = _time.GetTimestamp();
            long bytes = batch.Sum(one => (long)one.Size);
            // The last event of the batch may wait longest. Those before it time out by themselves.
            bool isShuttingDown = _isShuttingDown;
            TimeSpan left = (isShuttingDown ? ShutdownTimeout : PublishTimeout) - _time.GetElapsedTime(batch[^1].Enqueued);
            using var limit = new CancellationTokenSource(left > TimeSpan.Zero ? left : TimeSpan.Zero, _time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, _stop.Token, isShuttingDown ? default : _shutdown.Token);
            try
            {
                await _appender.AppendAsync(batch, either.Token);
            }
            catch (Exception exception)
            {
                Fail(batch, exception);
            }

            lock (_gate)
            {
                _pendingBytes -= bytes;
            }

            // A publisher that waited for this batch often has its next event ready. After a yield that event goes out with the next append,
            // and not with the one after.
            await Task.Yield();
            if (_interval - _time.GetElapsedTime(began) is { Ticks: > 0 } rest && !_isShuttingDown)
            {
                await Task.Delay(rest, _time);
            }
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

            return _runs = batch.Count > 0;
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
