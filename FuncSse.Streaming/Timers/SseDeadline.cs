namespace FuncSse.Streaming;

/// <summary>
/// Calls back once at a time of day, or at once if that time has passed. The time of day is read again whenever the timer fires, because the
/// clock may have been set, and because the wait may be longer than a timer allows.
/// </summary>
internal sealed class SseDeadline : IDisposable
{
    private static readonly TimeSpan s_maxWait = TimeSpan.FromDays(1);

    private readonly TimeProvider _time;
    private readonly DateTimeOffset _end;
    private readonly Action _callback;
    private readonly ITimer _timer;

    public SseDeadline(TimeProvider time, DateTimeOffset end, Action callback)
    {
        (_time, _end, _callback) = (time, end, callback);
        _timer = time.CreateTimer(static self => ((SseDeadline)self!).Check(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        Check(); // On this thread, so that nothing is sent if the time has passed already.
    }

    public void Dispose() => _timer.Dispose();

    private void Check()
    {
        TimeSpan left = _end - _time.GetUtcNow();
        if (left <= TimeSpan.Zero)
        {
            _callback();
        }
        else
        {
            _timer.Change(left < s_maxWait ? left : s_maxWait, Timeout.InfiniteTimeSpan);
        }
    }
}
