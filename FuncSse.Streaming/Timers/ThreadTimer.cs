using System.Diagnostics;

namespace FuncSse.Streaming;

/// <summary>
/// A one-shot timer on threads of its own. The system's timers go through the thread pool, whose threads spin for a while before they
/// sleep: at hundreds of wake-ups a second, the spinning costs more than the callbacks.
/// </summary>
/// <remarks>
/// <para>
/// Two threads share the work. One is the <em>worker</em>: it sleeps until the time is due and calls. The other is the <em>standby</em>:
/// it sleeps for a takeover delay longer. If the worker is still in a callback by then, the standby calls in its place and another thread
/// becomes the worker. Whichever thread is awake takes what is due, so the two may change places at any time.
/// </para>
/// <para>
/// Each callback that blocks keeps its thread. There are at most <see cref="MaxThreads"/>; once all of them are blocked, nothing is called
/// until one returns, and that one calls at once.
/// </para>
/// </remarks>
internal sealed class ThreadTimer : ITimer
{
    /// <summary>How many threads there are at most, whatever the load. The third and the fourth start when they are needed.</summary>
    internal const int MaxThreads = 4;

    /// <summary>
    /// How late a call is at most because the callback before it blocks. The standby wakes once in this time while calls are frequent,
    /// so a shorter delay would cost wake-ups.
    /// </summary>
    internal static readonly TimeSpan TakeoverDelay = TimeSpan.FromMilliseconds(100);

    // Half of the range, so that a delay can be added.
    private static readonly TimeSpan s_never = TimeSpan.MaxValue / 2;

    private readonly object _gate = new();
    private readonly Action _callback;
    private readonly long _start = Stopwatch.GetTimestamp();
    private int _threads;
    private bool _isDisposed;

    // Times since the start. A wake-up is null while no thread sleeps in that place.
    private TimeSpan _due = s_never;
    private TimeSpan? _workerWakeUp;
    private TimeSpan? _standbyWakeUp;

    public ThreadTimer(Action callback)
    {
        _callback = callback;
        lock (_gate)
        {
            StartThread();
            StartThread();
        }
    }

    private TimeSpan Now => Stopwatch.GetElapsedTime(_start);

    /// <summary>Sets when the callback is called next. There is no period.</summary>
    public bool Change(TimeSpan dueTime, TimeSpan period)
    {
        lock (_gate)
        {
            _due = dueTime == Timeout.InfiniteTimeSpan ? s_never : Now + dueTime;
            if (_workerWakeUp > _due || _standbyWakeUp > _due + TakeoverDelay)
            {
                Monitor.PulseAll(_gate);
            }

            return !_isDisposed;
        }
    }

    /// <summary>Ends all threads; one that is in a callback ends when it returns.</summary>
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

    private void StartThread()
    {
        _threads++;
        new Thread(Run) { IsBackground = true, Name = "FuncSse timer" }.UnsafeStart();
    }

    private void Run()
    {
        while (WaitUntilDue())
        {
            _callback();
        }
    }

    private bool WaitUntilDue()
    {
        lock (_gate)
        {
            while (!_isDisposed)
            {
                if (_due <= Now)
                {
                    _due = s_never;
                    EnsureSleeper();
                    return true;
                }

                if (_workerWakeUp is null)
                {
                    Sleep(ref _workerWakeUp, _due);
                }
                else if (_standbyWakeUp is null)
                {
                    Sleep(ref _standbyWakeUp, _due + TakeoverDelay);
                }
                else
                {
                    Monitor.Wait(_gate);
                }
            }

            return false;
        }
    }

    // This thread is about to call. If it was the last that slept until a time, a thread that waits without one takes its place.
    private void EnsureSleeper()
    {
        if (_workerWakeUp is not null || _standbyWakeUp is not null)
        {
            return;
        }

        if (_threads < MaxThreads)
        {
            StartThread();
        }
        else
        {
            Monitor.Pulse(_gate);
        }
    }

    private void Sleep(ref TimeSpan? wakeUp, TimeSpan time)
    {
        wakeUp = time;
        // The monitor knows whole milliseconds: rounded down, the sleep would end before the time. On a busy machine, the time may have
        // passed since it was compared, and a negative wait would be an error or, at -1, have no end.
        Monitor.Wait(_gate, (int)Math.Clamp(Math.Ceiling((time - Now).TotalMilliseconds), 0, int.MaxValue));
        wakeUp = null;
    }
}
