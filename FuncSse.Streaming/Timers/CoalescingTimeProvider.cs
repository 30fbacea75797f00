namespace FuncSse.Streaming;

/// <summary>
/// A <see cref="TimeProvider"/> whose timers share one underlying timer. Timers that are due within the same few milliseconds are called
/// in one batch, on one thread: a thousand streams that each wait a second wake the process at most 125 times a second.
/// </summary>
/// <remarks>
/// <para>
/// A timer is never early. Its time is rounded up to a multiple of a step: a hundredth of its wait, but at least a millisecond and at most
/// <see cref="MaxDelay"/>. So it is late by less than a step, and by as much as the underlying timer is late. A period counts from when the timer was
/// set, so it does not drift, and a period that is a multiple of its step is kept exactly. Periods that were missed are skipped and not made up for.
/// </para>
/// <para>
/// On <see cref="TimeProvider.System"/>, batches run on a small, fixed number of dedicated threads. A callback that blocks keeps one of
/// them, and within 100 ms another goes on with the timers that are due. While four callbacks block, no timer is called; when one of them
/// returns, everything that became due meanwhile is called at once. On any other provider, batches run where its timers run.
/// </para>
/// <para>
/// A callback runs in the execution context in which its timer was created, as with the system's timers, or in the default one if the
/// flow was suppressed (<see cref="ExecutionContext.SuppressFlow"/>). What a callback sets in its context does not reach the next callback.
/// </para>
/// </remarks>
public sealed class CoalescingTimeProvider : TimeProvider, IDisposable
{
    /// <summary>How late a timer may be for the sake of a batch: 8 ms, of which a second is a multiple.</summary>
    public static readonly TimeSpan MaxDelay = TimeSpan.FromMilliseconds(8);

    // The limit of the system's timers.
    private static readonly TimeSpan s_maxTime = TimeSpan.FromMilliseconds(uint.MaxValue - 1);

    private readonly TimeProvider _inner;
    private readonly long _start;
    private readonly Lock _gate = new();
    private readonly TimerWheel _wheel = new();
    private readonly ITimer _timer;
    private long _armedFor = TimerWheel.Never;

    /// <summary>Makes a provider that has the time of another.</summary>
    /// <param name="inner">
    /// The provider of the time and of the timer that starts each batch. For <see cref="TimeProvider.System"/>, dedicated threads do that.
    /// </param>
    public CoalescingTimeProvider(TimeProvider inner)
    {
        ArgumentNullException.ThrowIfNull(inner);
        _inner = inner;
        _start = inner.GetTimestamp();
        if (inner == System)
        {
            _timer = new ThreadTimer(CallDue);
            return;
        }

        // The first user of the provider makes it, perhaps within a request. That request's context is not for the batches.
        using (ExecutionContext.SuppressFlow())
        {
            _timer = inner.CreateTimer(
                static self => ((CoalescingTimeProvider)self!).CallDue(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
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

    /// <summary>Stops the underlying timer. Only a batch that is under way still calls its timers.</summary>
    public void Dispose() => _timer.Dispose();

    private void CallDue()
    {
        lock (_gate)
        {
            _armedFor = TimerWheel.Never;
            _wheel.Advance((long)Now);
            // The next batch is set before the callbacks, so that one that blocks cannot hold up the rest.
            Arm(_wheel.Now + (long)MaxDelay.TotalMilliseconds);
        }

        ExecutionContext? own = ExecutionContext.Capture();
        SynchronizationContext? ownSynchronization = SynchronizationContext.Current;
        while (TryTakeDue(out Call call))
        {
            Enter(call.Context ?? own, ownSynchronization);
            call.Callback(call.State);
        }

        Enter(own, ownSynchronization);
    }

    // Replaces whatever the previous callback left. Restore costs less than ExecutionContext.Run, which changes the context twice.
    private static void Enter(ExecutionContext? context, SynchronizationContext? synchronization)
    {
        // Only a thread whose flow is suppressed has no context to capture.
        if (context is not null)
        {
            ExecutionContext.Restore(context);
        }

        SynchronizationContext.SetSynchronizationContext(synchronization);
    }

    private bool TryTakeDue(out Call call)
    {
        lock (_gate)
        {
            if (_wheel.TakeDue() is Timer timer)
            {
                call = timer.Take(_wheel.Now);
                return true;
            }

            Arm(_wheel.NextTick());
            call = default;
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
        // System timers know whole milliseconds. Rounded down, the timer would fire early and find nothing to call.
        _timer.Change(
            tick == TimerWheel.Never ? Timeout.InfiniteTimeSpan : TimeSpan.FromMilliseconds(Math.Max(0, Math.Ceiling(tick - Now))),
            Timeout.InfiniteTimeSpan);
    }

    // The context is null where its flow was suppressed.
    private readonly record struct Call(TimerCallback Callback, object? State, ExecutionContext? Context);

    // All of its state is guarded by the provider's gate.
    private sealed class Timer(CoalescingTimeProvider provider, TimerCallback callback, object? state) : TimerWheel.Entry, ITimer
    {
        // Emptied on disposal, since whoever made the timer may keep it.
        private Call _call = new(callback, state, ExecutionContext.Capture());
        // In milliseconds, the period with its fraction, so that none drifts.
        private double _due;
        private double _period;
        private double _step;

        public Call Take(long now)
        {
            if (_period > 0)
            {
                _due += (Math.Floor((now - _due) / _period) + 1) * _period;
                Add();
            }

            return _call;
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(dueTime, Timeout.InfiniteTimeSpan);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(dueTime, s_maxTime);
            ArgumentOutOfRangeException.ThrowIfLessThan(period, Timeout.InfiniteTimeSpan);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(period, s_maxTime);
            lock (provider._gate)
            {
                if (_call.Callback is null)
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
                _call = default;
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
