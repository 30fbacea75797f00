using System.Diagnostics.CodeAnalysis;

namespace FuncSse.Streaming;

/// <summary>
/// A <see cref="TimeProvider"/> whose timers share one timer of another's. What is due within the same few milliseconds is called in
/// one batch, on one thread: a thousand streams that each wait a second then wake the process some two hundred times a second, not a
/// thousand.
/// </summary>
/// <remarks>
/// <para>
/// A timer is never early and at most <see cref="Window"/> late, beside the lateness of the underlying timer. A period counts from when
/// the timer was set, so it does not drift; periods that were missed altogether are left out, not made up for.
/// </para>
/// <para>
/// A callback may take its time. One that is still running a little later keeps its thread, and the others that are due are called on
/// the next one.
/// </para>
/// <para>Callbacks do not get the execution context of whoever set the timer.</para>
/// </remarks>
public sealed class CoalescingTimeProvider : TimeProvider, IDisposable
{
    /// <summary>How far apart two batches are at least: 4 ms.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromMilliseconds(4);

    private const long Never = long.MaxValue;
    private const int MinOutdated = 1000;

    private readonly TimeProvider _inner;
    private readonly long _window;
    private readonly Lock _gate = new();
    private readonly PriorityQueue<Timer, long> _queue = new();
    private readonly ITimer _timer;
    private int _outdated;
    private long _earliestBatch = long.MinValue;
    private long _armedFor = Never;

    /// <summary>Makes a provider that has the time of another.</summary>
    /// <param name="inner">Whose time it is, and whose timer wakes the batches; for the system's, a thread of its own does.</param>
    public CoalescingTimeProvider(TimeProvider inner)
    {
        ArgumentNullException.ThrowIfNull(inner);
        _inner = inner;
        _window = ToTimestamp(Window);
        _timer = inner == System
            ? new ThreadTimer(CallDue)
            : inner.CreateTimer(static self => ((CoalescingTimeProvider)self!).CallDue(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <inheritdoc/>
    public override TimeZoneInfo LocalTimeZone => _inner.LocalTimeZone;

    /// <inheritdoc/>
    public override long TimestampFrequency => _inner.TimestampFrequency;

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => _inner.GetUtcNow();

    /// <inheritdoc/>
    public override long GetTimestamp() => _inner.GetTimestamp();

    /// <inheritdoc/>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        ArgumentNullException.ThrowIfNull(callback);
        var timer = new Timer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Stops the underlying timer: nothing is called any more.</summary>
    public void Dispose() => _timer.Dispose();

    private void CallDue()
    {
        lock (_gate)
        {
            _armedFor = Never;
        }

        while (TryTakeDue(out TimerCallback? callback, out object? state))
        {
            callback(state);
        }
    }

    private bool TryTakeDue([NotNullWhen(true)] out TimerCallback? callback, out object? state)
    {
        (callback, state) = (null, null);
        lock (_gate)
        {
            long now = GetTimestamp();
            while (_queue.TryPeek(out Timer? timer, out long due))
            {
                if (timer.Due != due)
                {
                    _queue.Dequeue();
                    _outdated--;
                    continue;
                }

                if (due > now)
                {
                    Arm(due, evenLater: true);
                    return false;
                }

                _queue.Dequeue();
                if (_armedFor > now + _window)
                {
                    // Before the callback, so that it cannot hold up the rest.
                    _earliestBatch = now + _window;
                    Arm(_earliestBatch);
                }

                (callback, state) = timer.Take(now);
                return true;
            }

            return false;
        }
    }

    // A timer that is set anew or disposed leaves its old entry in the queue: they go when they are the most of it. Called under the gate,
    // before the timer that leaves one forgets when it was due.
    private void Tidy()
    {
        if (_outdated > MinOutdated && _outdated > _queue.Count / 2)
        {
            (Timer, long)[] current = [.. _queue.UnorderedItems.Where(entry => entry.Element.Due == entry.Priority)];
            _queue.Clear();
            _queue.EnqueueRange(current);
            _queue.TrimExcess();
            _outdated = 1;
        }
    }

    // Called under the gate.
    private void Arm(long due, bool evenLater = false)
    {
        due = Math.Max(due, _earliestBatch);
        if (due < _armedFor || (evenLater && due > _armedFor))
        {
            _armedFor = due;
            long wait = Math.Max(0, due - GetTimestamp());
            // Rounded up to the whole milliseconds that system timers know: one that fires early has nothing to call.
            long milliseconds = (long)Math.Ceiling(wait * 1000.0 / TimestampFrequency);
            _timer.Change(TimeSpan.FromMilliseconds(milliseconds), Timeout.InfiniteTimeSpan);
        }
    }

    private long ToTimestamp(TimeSpan time) =>
        (long)((Int128)time.Ticks * TimestampFrequency / TimeSpan.TicksPerSecond);

    // All of its state is guarded by the provider's gate.
    private sealed class Timer(CoalescingTimeProvider provider, TimerCallback callback, object? state) : ITimer
    {
        // Emptied on disposal: the queue may hold a disposed timer until it would have been due.
        private TimerCallback? _callback = callback;
        private object? _state = state;
        private long _period = Never;

        /// <summary>When it is due next, as a timestamp; what stands in the queue with another time is outdated.</summary>
        public long Due { get; private set; } = Never;

        public (TimerCallback Callback, object? State) Take(long now)
        {
            if (_period == Never)
            {
                Due = Never;
            }
            else
            {
                Due += ((now - Due) / _period + 1) * _period;
                provider._queue.Enqueue(this, Due);
            }

            return (_callback!, _state);
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (provider._gate)
            {
                if (_callback is null)
                {
                    return false;
                }

                Outdate();
                _period = period > TimeSpan.Zero ? Math.Max(1, provider.ToTimestamp(period)) : Never;
                if (dueTime == Timeout.InfiniteTimeSpan)
                {
                    Due = Never;
                }
                else
                {
                    Due = provider.GetTimestamp() + provider.ToTimestamp(dueTime);
                    provider._queue.Enqueue(this, Due);
                    provider.Arm(Due);
                }

                return true;
            }
        }

        public void Dispose()
        {
            lock (provider._gate)
            {
                Outdate();
                _callback = null;
                _state = null;
                Due = Never;
            }
        }

        private void Outdate()
        {
            if (Due != Never)
            {
                provider._outdated++;
                provider.Tidy();
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
