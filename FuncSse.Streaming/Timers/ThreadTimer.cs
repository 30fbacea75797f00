using System.Diagnostics;

namespace FuncSse.Streaming;

/// <summary>
/// A one-shot timer on a thread of its own. The system's timers go through the thread pool, whose threads spin for a while before they
/// sleep: woken hundreds of times a second, they cost more than what they are woken for.
/// </summary>
/// <remarks>
/// One thread, the worker, waits and calls. A second watches: if the worker has not come back from a callback when the next is overdue, it
/// becomes the worker itself and starts a new one to watch; the other goes when it comes back. One that is merely busy is taken for one that
/// is held up, so a process that cannot keep up at all has more such threads than it needs.
/// </remarks>
internal sealed class ThreadTimer : ITimer
{
    private static readonly TimeSpan Never = TimeSpan.MaxValue;

    /// <summary>How long a callback may hold up the next.</summary>
    private static readonly TimeSpan TakeoverDelay = TimeSpan.FromMilliseconds(50);

    private readonly object _gate = new();
    private readonly Action _callback;
    private Thread _worker;

    // Times since the start.
    private readonly long _start = Stopwatch.GetTimestamp();
    private TimeSpan _due = Never;
    private TimeSpan? _workerSleepsUntil;
    private bool _isDisposed;

    public ThreadTimer(Action callback)
    {
        _callback = callback;
        lock (_gate)
        {
            _worker = Start();
            Start();
        }
    }

    /// <summary>Sets when it is called next. It knows no period.</summary>
    public bool Change(TimeSpan dueTime, TimeSpan period)
    {
        lock (_gate)
        {
            _due = dueTime == Timeout.InfiniteTimeSpan ? Never : Now + dueTime;
            if (_workerSleepsUntil > _due)
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
        bool wasWorker = false;
        while (WaitUntilDue(self, ref wasWorker))
        {
            _callback();
        }
    }

    private bool WaitUntilDue(Thread self, ref bool wasWorker)
    {
        lock (_gate)
        {
            while (!_isDisposed)
            {
                bool isWorker = _worker == self;
                if (wasWorker && !isWorker)
                {
                    return false; // Another took its place while it was held up.
                }

                wasWorker = isWorker;
                TimeSpan wait = _due == Never ? Never : _due + (isWorker ? TimeSpan.Zero : TakeoverDelay) - Now;
                if (wait <= TimeSpan.Zero)
                {
                    if (!isWorker)
                    {
                        _worker = self;
                        Start();
                    }

                    wasWorker = true;
                    _due = Never;
                    return true;
                }

                Sleep(isWorker, wait);
            }

            return false;
        }
    }

    private void Sleep(bool isWorker, TimeSpan wait)
    {
        if (isWorker)
        {
            _workerSleepsUntil = _due;
        }
        else if (wait > TakeoverDelay && _workerSleepsUntil is null)
        {
            wait = TakeoverDelay; // The worker is in a callback: until it sleeps again, the time is set without waking anybody.
        }

        // Rounded up: the whole milliseconds that it knows would end a little early.
        Monitor.Wait(_gate, wait == Never ? Timeout.Infinite : (int)Math.Min(Math.Ceiling(wait.TotalMilliseconds), int.MaxValue));
        if (isWorker)
        {
            _workerSleepsUntil = null;
        }
    }
}
