namespace FuncSse.Streaming;

/// <summary>
/// Calls back once at a time of day, or at once if it is past. Timers measure how long something takes, so the time of day is read again
/// when one fires: the clock may have been set, and a wait may be longer than a timer can be.
/// </summary>
internal sealed class SseDeadline : IDisposable
{
    private static readonly TimeSpan MaxWait = TimeSpan.FromDays(1);

    private readonly TimeProvider _time;
    private readonly DateTimeOffset _end;
    private readonly Action _passed;
    private readonly ITimer _timer;

    public SseDeadline(TimeProvider time, DateTimeOffset end, Action passed)
    {
        (_time, _end, _passed) = (time, end, passed);
        _timer = time.CreateTimer(static self => ((SseDeadline)self!).Check(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        Check(); // On this thread: nothing may be sent if the time is past already.
    }

    public void Dispose() => _timer.Dispose();

    private void Check()
    {
        TimeSpan left = _end - _time.GetUtcNow();
        if (left <= TimeSpan.Zero)
        {
            _passed();
        }
        else
        {
            _timer.Change(left < MaxWait ? left : MaxWait, Timeout.InfiniteTimeSpan);
        }
    }
}
