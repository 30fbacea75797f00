using System.Diagnostics;

namespace FuncSse.Streaming;

/// <summary>
/// A one-shot timer on a thread of its own. The system's timers go through the thread pool, whose threads spin for a while before they
/// sleep: woken hundreds of times a second, they cost more than what they are woken for.
/// </summary>
/// <remarks>
/// One thread, the keeper, waits and calls. A second watches: if the keeper has not come back from a callback when the next is overdue, it
/// becomes the keeper itself and starts a new one to watch; the other goes when it comes back. One that is merely busy is taken for one that
/// is held up, so a process that cannot keep up at all has more such threads than it needs.
/// </remarks>
internal sealed class ThreadTimer : ITimer
{
    private static readonly TimeSpan Never = TimeSpan.MaxValue;

    /// <summary>How long a callback may hold up the next.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(50);

    private readonly object _gate = new();
    private readonly Action _callback;
    private Thread _keeper;

    // Times since the start.
    private readonly long _start = Stopwatch.GetTimestamp();
    private TimeSpan _due = Never;
    private TimeSpan? _keeperSleepsUntil;
    private bool _isDisposed;

    public ThreadTimer(Action callback)
    {
        _callback = callback;
        lock (_gate)
        {
            _keeper = Start();
            Start();
        }
    }

    /// <summary>Sets when it is called next. It knows no period.</summary>
    public bool Change(TimeSpan dueTime, TimeSpan period)
    {
        lock (_gate)
        {
            _due = dueTime == Timeout.InfiniteTimeSpan ? Never : Now + dueTime;
            if (_keeperSleepsUntil > _due)
            {
                Monitor.PulseAll(_gate);
            }

            return !_isDisposed;
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            Monitor.PulseAll(_gate);
        }
    }

    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }

    private TimeSpan Now => Stopwatch.GetElapsedTime(_start);

    private Thread Start()
    {
        var thread = new Thread(Run) { IsBackground = true, Name = "FuncSse timer" };
        thread.UnsafeStart();
        return thread;
    }

    private void Run()
    {
        Thread self = Thread.CurrentThread;
        bool wasKeeper = false;
        while (WaitUntilDue(self, ref wasKeeper))
        {
            _callback();
        }
    }

    private bool WaitUntilDue(Thread self, ref bool wasKeeper)
    {
        lock (_gate)
        {
            while (!_isDisposed)
            {
                bool isKeeper = _keeper == self;
                if (wasKeeper && !isKeeper)
                {
                    return false; // Another took its place while it was held up.
                }

                wasKeeper = isKeeper;
                TimeSpan wait = _due == Never ? Never : _due + (isKeeper ? TimeSpan.Zero : Patience) - Now;
                if (wait <= TimeSpan.Zero)
                {
                    if (!isKeeper)
                    {
                        _keeper = self;
                        Start();
                    }

                    wasKeeper = true;
                    _due = Never;
                    return true;
                }

                Sleep(isKeeper, wait);
            }

            return false;
        }
    }

    private void Sleep(bool isKeeper, TimeSpan wait)
    {
        if (isKeeper)
        {
            _keeperSleepsUntil = _due;
        }
        else if (wait > Patience && _keeperSleepsUntil is null)
        {
            wait = Patience; // The keeper is in a callback: until it sleeps again, the time is set without waking anybody.
        }

        // Rounded up: the whole milliseconds that it knows would end a little early.
        Monitor.Wait(_gate, wait == Never ? Timeout.Infinite : (int)Math.Min(Math.Ceiling(wait.TotalMilliseconds), int.MaxValue));
        if (isKeeper)
        {
            _keeperSleepsUntil = null;
        }
    }
}
