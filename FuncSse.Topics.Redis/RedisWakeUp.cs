namespace FuncSse.Topics.Redis;

/// <summary>
/// When to read on: as soon as an instance says that it has appended. Its message may be lost, so the reader also reads by itself: every second just
/// after the connection has changed, and every five seconds otherwise.
/// </summary>
internal sealed class RedisWakeUp
{
    /// <summary>How late an event can be if its wake-up was lost.</summary>
    internal static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(1);

    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private TaskCompletionSource _signal = NewSignal();
    private LogPosition? _newest;
    private long _lastChange;
    private int _changes;

    public RedisWakeUp(TimeProvider time) => (_time, _lastChange) = (time, time.GetTimestamp());

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

    /// <summary>The connection broke or is back: something may have been missed.</summary>
    public void OnConnectionChanged()
    {
        TaskCompletionSource signal;
        lock (_gate)
        {
            _changes++;
            _lastChange = _time.GetTimestamp();
            (signal, _signal) = (_signal, NewSignal());
        }

        signal.SetResult();
    }

    /// <summary>Waits until there may be something after a position.</summary>
    public async Task WaitAsync(LogPosition after, CancellationToken cancellationToken)
    {
        int? changes = null;
        while (true)
        {
            Task signal;
            TimeSpan pause;
            lock (_gate)
            {
                changes ??= _changes;
                if (changes != _changes || IsNews(after))
                {
                    return;
                }

                signal = _signal.Task;
                pause = _time.GetElapsedTime(_lastChange) < LongestPause ? s_soon : LongestPause;
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

        // One read is enough: it shows which of two epochs is over, or that Redis has lost the end. A second read would show no more.
        _newest = null;
        return true;
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
