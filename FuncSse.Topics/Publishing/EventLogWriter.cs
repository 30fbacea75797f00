using System.Security.Cryptography;

namespace FuncSse.Topics;

/// <summary>
/// Group commit: what is published while an append is under way goes out with the next one. One append is under way at a time, which keeps
/// the order of a caller's publishes and the numbers of <see cref="SeenWriters"/>.
/// </summary>
internal sealed class EventLogWriter : IAsyncDisposable
{
    /// <summary>How long a publisher waits for the log at most.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>How long what is pending has when the host stops.</summary>
    public static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(4);

    /// <summary>How many bytes may wait; beyond it publishers get an error at once.</summary>
    internal const long MaxPendingBytes = 32L << 20;

    private const int MaxBatchBytes = 2 << 20;
    private const int MaxBatchEvents = 4096;

    private readonly TimeProvider _time;
    private readonly TopicMetrics _metrics;
    private readonly EventLogAppender _appender;
    private readonly CancellationTokenSource _hurry;
    private readonly CancellationTokenSource _stop;
    private readonly Lock _gate = new();
    private readonly Queue<PendingEvent> _pending = new();
    private long _pendingBytes;
    private volatile bool _isHurried;
    private Task _run = Task.CompletedTask;
    private bool _runs;
    private bool _stopped;

    public EventLogWriter(IEventLog log, TopicMetrics metrics, TimeProvider time)
    {
        (_time, _metrics) = (time, metrics);
        _hurry = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        _stop = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        string writer = RandomNumberGenerator.GetHexString(12, lowercase: true);
        _appender = new EventLogAppender(log, writer, metrics, time);
    }

    /// <summary>Appends an event and returns its position, which is that of its first copy, once the log has it.</summary>
    /// <exception cref="EventLogUnavailableException">
    /// The log did not take it within <see cref="Patience"/>, too much waits already, or the host stops.
    /// </exception>
    public async Task<LogPosition> AppendAsync(string topic, string? type, ReadOnlyMemory<byte> data, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var pending = new PendingEvent(topic, type, data, _time.GetUtcNow(), _time.GetTimestamp());
        Enqueue(pending);
        await using CancellationTokenRegistration cancelled =
            cancellationToken.Register(() => pending.TrySetCanceled(cancellationToken));
        await using ITimer patience =
            _time.CreateTimer(static waiting => ((PendingEvent)waiting!).GiveUp(), pending, Patience, Timeout.InfiniteTimeSpan);
        LogPosition position = await pending.Task;
        _metrics.Published(_time.GetElapsedTime(pending.Enqueued));
        return position;
    }

    /// <summary>
    /// The host begins to stop, and the servers may still take a while. What is pending has <see cref="StopPatience"/> from now on, and so
    /// has each event that comes in the meantime.
    /// </summary>
    public void Hurry()
    {
        _isHurried = true;
        _hurry.CancelAfter(StopPatience);
    }

    /// <summary>Takes no more events, and lets what is pending finish or fail within <see cref="StopPatience"/>.</summary>
    public async Task StopAsync()
    {
        Task run;
        lock (_gate)
        {
            if (!_stopped)
            {
                _stopped = true;
                _stop.CancelAfter(StopPatience);
            }

            run = _run;
        }

        await run;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _hurry.Dispose();
        _stop.Dispose();
    }

    private void Enqueue(PendingEvent pending)
    {
        lock (_gate)
        {
            if (_stopped)
            {
                throw new EventLogUnavailableException("The host stops: nothing is published any more.");
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
        while (Take(batch))
        {
            long bytes = batch.Sum(one => (long)one.Size);
            // As long as the last of them may wait: those before it, which have waited longer, give up by themselves.
            bool isHurried = _isHurried;
            TimeSpan left = (isHurried ? StopPatience : Patience) - _time.GetElapsedTime(batch[^1].Enqueued);
            using var limit = new CancellationTokenSource(left > TimeSpan.Zero ? left : TimeSpan.Zero, _time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, _stop.Token, isHurried ? default : _hurry.Token);
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

            // Who waited for this batch often has the next event: it goes out with the next append and not with the one after.
            await Task.Yield();
        }
    }

    private bool Take(List<PendingEvent> batch)
    {
        batch.Clear();
        lock (_gate)
        {
            int bytes = 0;
            while (_pending.TryPeek(out PendingEvent? next) && batch.Count < MaxBatchEvents && (batch.Count == 0 || bytes + next.Size <= MaxBatchBytes))
            {
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
                _ = pending.Task.Exception; // Seen, even where nobody waits any more.
            }
        }
    }
}
