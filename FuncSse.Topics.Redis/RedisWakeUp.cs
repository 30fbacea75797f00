namespace FuncSse.Topics.Redis;

/// <summary>
/// When to read on: as soon as an instance says that it appended. What it says may be lost, so the reader also looks by itself: a second
/// after the connection changed, and every five seconds otherwise.
/// </summary>
internal sealed class RedisWakeUp
{
    /// <summary>The bound of what a lost wake-up costs.</summary>
    internal static readonly TimeSpan Rarely = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(1);

    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private TaskCompletionSource _signal = NewSignal();
    private LogPosition? _newest;
    private long _disturbed;
    private int _disturbances;

    public RedisWakeUp(TimeProvider time) => (_time, _disturbed) = (time, time.GetTimestamp());

    /// <summary>An instance appended up to here.</summary>
    public void Wake(string? end)
    {
        if (LogPosition.TryParse(end, out LogPosition? position))
        {
            Wake(position);
        }
    }

    /// <inheritdoc cref="Wake(string?)"/>
    public void Wake(LogPosition end)
    {
        TaskCompletionSource signal;
        lock (_gate)
        {
            if (_newest is { } newest && newest.Epoch == end.Epoch && !end.IsAfter(newest))
            {
                return;
            }

            _newest = end;
            (signal, _signal) = (_signal, NewSignal());
        }

        signal.SetResult();
    }

    /// <summary>The connection broke or is there again: something may have been missed.</summary>
    public void Disturb()
    {
        TaskCompletionSource signal;
        lock (_gate)
        {
            _disturbances++;
            _disturbed = _time.GetTimestamp();
            (signal, _signal) = (_signal, NewSignal());
        }

        signal.SetResult();
    }

    /// <summary>Waits until there may be something after a position.</summary>
    public async Task WaitAsync(LogPosition after, CancellationToken cancellationToken)
    {
        int? disturbances = null;
        while (true)
        {
            Task signal;
            TimeSpan pause;
            lock (_gate)
            {
                disturbances ??= _disturbances;
                if (disturbances != _disturbances || IsNews(after))
                {
                    return;
                }

                signal = _signal.Task;
                pause = _time.GetElapsedTime(_disturbed) < Rarely ? s_soon : Rarely;
            }

            try
            {
                await signal.WaitAsync(pause, _time, cancellationToken);
            }
            catch (TimeoutException)
            {
                return;
            }
        }
    }

    private bool IsNews(LogPosition after)
    {
        if (_newest is not { } newest || (newest.Epoch == after.Epoch && !newest.IsAfter(after)))
        {
            return false;
        }

        // One look tells: of two epochs which one is over, and of an end that cannot be read that Redis has lost it. A second look would
        // not know more.
        _newest = null;
        return true;
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
