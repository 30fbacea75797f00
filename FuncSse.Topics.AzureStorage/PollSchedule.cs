namespace FuncSse.Topics.AzureStorage;

/// <summary>When to poll: often while there is traffic, less and less often when there is none, and at once after an append of this process.</summary>
internal sealed class PollSchedule
{
    // A shorter pause does not end the traffic.
    private static readonly TimeSpan s_trafficPause = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_longestInterval = TimeSpan.FromSeconds(1);

    private readonly TimeSpan _interval;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private TaskCompletionSource _appended = NewSignal();
    private LogPosition? _lastAppended;
    private TimeSpan _current;
    private long _lastNews;
    private long _lastRead;

    public PollSchedule(TimeSpan interval, TimeProvider time) =>
        (_interval, _time, _current, _lastNews, _lastRead) = (interval, time, interval, time.GetTimestamp(), time.GetTimestamp());

    /// <summary>A read begins.</summary>
    public void OnReading() => Volatile.Write(ref _lastRead, _time.GetTimestamp());

    /// <summary>There was something to read.</summary>
    public void OnNews()
    {
        lock (_gate)
        {
            (_current, _lastNews) = (_interval, _time.GetTimestamp());
        }
    }

    /// <summary>This process appended up to here.</summary>
    public void OnAppended(LogPosition end)
    {
        TaskCompletionSource appended;
        lock (_gate)
        {
            _lastAppended = end;
            (appended, _appended) = (_appended, NewSignal());
        }

        appended.SetResult();
    }

    /// <summary>The service asks for fewer requests.</summary>
    public void OnThrottled()
    {
        lock (_gate)
        {
            _current = WidenInterval();
        }
    }

    public async Task WaitAsync(LogPosition after, CancellationToken cancellationToken)
    {
        (Task appended, TimeSpan pause) = (Task.CompletedTask, default(TimeSpan));
        lock (_gate)
        {
            if (_lastAppended is { } last && last.Epoch == after.Epoch && last.IsAfter(after))
            {
                // One read is enough. The storage has lost what it does not find, and the next read is a poll.
                _lastAppended = null;
                return;
            }

            if (_time.GetElapsedTime(_lastNews) > s_trafficPause)
            {
                _current = WidenInterval();
            }

            // From the beginning of one read to that of the next, so its time does not delay the next one. A slow service still gets a pause.
            TimeSpan left = _current - _time.GetElapsedTime(Volatile.Read(ref _lastRead));
            (appended, pause) = (_appended.Task, left > _current / 2 ? left : _current / 2);
        }

        try
        {
            await appended.WaitAsync(pause, _time, cancellationToken);
        }
        catch (TimeoutException)
        {
            // The next poll is due.
        }
    }

    private TimeSpan WidenInterval() => _current * 1.5 < s_longestInterval ? _current * 1.5 : _interval > s_longestInterval ? _interval : s_longestInterval;

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
