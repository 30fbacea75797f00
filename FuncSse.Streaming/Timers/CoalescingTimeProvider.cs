namespace FuncSse.Streaming;

/// <summary>
/// A <see cref="TimeProvider"/> whose timers share one timer of another's. What is due within the same few milliseconds is called in
/// one batch, on one thread: a thousand streams that each wait a second then wake the process 125 times a second at most.
/// </summary>
/// <remarks>
/// <para>
/// A timer is never early. Beside the lateness of the underlying timer it is late by at most <see cref="MaxDelay"/>, and by at most a
/// hundredth of its wait where that is less, but for a millisecond or two: its time is rounded up to such a multiple. A period counts from
/// when the timer was set, so it does not drift, and one that is itself such a multiple is kept exactly; periods that were missed
/// altogether are left out, not made up for.
/// </para>
/// <para>
/// A callback may take its time. One that is still running a little later keeps its thread, and the others that are due are called on
/// the next one.
/// </para>
/// <para>Callbacks do not get the execution context of whoever set the timer.</para>
/// </remarks>
public sealed class CoalescingTimeProvider : TimeProvider, IDisposable
{
    /// <summary>How late a timer may be for the sake of a batch: 8 ms, of which a second is a multiple.</summary>
    public static readonly TimeSpan MaxDelay = TimeSpan.FromMilliseconds(8);

    // As for the system's timers.
    private static readonly TimeSpan MaxTime = TimeSpan.FromMilliseconds(uint.MaxValue - 1);

    private readonly TimeProvider _inner;
    private readonly long _start;
    private readonly Lock _gate = new();
    private readonly TimerWheel _wheel = new();
    private readonly ITimer _timer;
    private long _armedFor = TimerWheel.Never;

    /// <summary>Makes a provider that has the time of another.</summary>
    /// <param name="inner">Whose time it is, and whose timer wakes the batches; for the system's, a thread of its own does.</param>
    public CoalescingTimeProvider(TimeProvider inner)
    {
        ArgumentNullException.ThrowIfNull(inner);
        _inner = inner;
        _start = inner.GetTimestamp();
        _timer = inner == System
            ? new ThreadTimer(CallDue)
            : inner.CreateTimer(static self => ((CoalescingTimeProvider)self!).CallDue(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <inheritdoc/>
    public override TimeZoneInfo LocalTimeZone => _inner.LocalTimeZone;

    /// <inheritdoc/>
    public override long TimestampFrequency => _inner.TimestampFrequency;

    private double Now => GetElapsedTime(_start).TotalMilliseconds;

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
            _armedFor = TimerWheel.Never;
            _wheel.Advance((long)Now);
            // Before the callbacks, so that one cannot hold up the rest.
            Arm(_wheel.Now + (long)MaxDelay.TotalMilliseconds);
        }

        while (TryTakeDue(out TimerCallback? callback, out object? state))
        {
            callback!(state);
        }
    }

    private bool TryTakeDue(out TimerCallback? callback, out object? state)
    {
        lock (_gate)
        {
            if (_wheel.TakeDue() is Timer timer)
            {
                (callback, state) = timer.Take(_wheel.Now);
                return true;
            }

            Arm(_wheel.NextTick());
            (callback, state) = (null, null);
            return false;
        }
    }

    // Called under the gate.
    private void Arm(long tick)
    {
        if (tick == _armedFor)
        {
            return;
        }

        _armedFor = tick;
        // Rounded up to the whole milliseconds that system timers know: one that fires early has nothing to call.
        _timer.Change(
            tick == TimerWheel.Never ? Timeout.InfiniteTimeSpan : TimeSpan.FromMilliseconds(Math.Max(0, Math.Ceiling(tick - Now))),
            Timeout.InfiniteTimeSpan);
    }

    // All of its state is guarded by the provider's gate.
    private sealed class Timer(CoalescingTimeProvider provider, TimerCallback callback, object? state) : TimerWheel.Entry, ITimer
    {
        // Emptied on disposal, since whoever set the timer may keep it.
        private TimerCallback? _callback = callback;
        private object? _state = state;
        // In milliseconds, the period with its fraction, so that none drifts.
        private double _due;
        private double _period;
        private double _step;

        public (TimerCallback Callback, object? State) Take(long now)
        {
            if (_period > 0)
            {
                _due += (Math.Floor((now - _due) / _period) + 1) * _period;
                Add();
            }

            return (_callback!, _state);
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(dueTime, Timeout.InfiniteTimeSpan);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(dueTime, MaxTime);
            ArgumentOutOfRangeException.ThrowIfLessThan(period, Timeout.InfiniteTimeSpan);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(period, MaxTime);
            lock (provider._gate)
            {
                if (_callback is null)
                {
                    return false;
                }

                provider._wheel.Remove(this);
                if (dueTime != Timeout.InfiniteTimeSpan)
                {
                    double wait = dueTime.TotalMilliseconds;
                    _due = provider.Now + wait;
                    _period = Math.Max(0, period.TotalMilliseconds);
                    _step = Math.Clamp(Math.Floor((_period > 0 ? _period : wait) / 100), 1, MaxDelay.TotalMilliseconds);
                    Add();
                    if (Tick < provider._armedFor)
                    {
                        provider.Arm(Tick);
                    }
                }

                return true;
            }
        }

        public void Dispose()
        {
            lock (provider._gate)
            {
                provider._wheel.Remove(this);
                _callback = null;
                _state = null;
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        private void Add() => provider._wheel.Add(this, (long)(Math.Ceiling(_due / _step) * _step));
    }
}
