namespace FuncSse.Topics.AzureStorage;

/// <summary>When to look for news: often while there is traffic, less and less when there is none, at once after an append of this process.</summary>
internal sealed class PollSchedule
{
    // Traffic that pauses for less than this is traffic.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(1);

    private readonly TimeSpan _interval;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private TaskCompletionSource _appended = NewSignal();
    private LogPosition? _lastAppended;
    private TimeSpan _current;
    private long _lastNews;

    public PollSchedule(TimeSpan interval, TimeProvider time) =>
        (_interval, _time, _current, _lastNews) = (interval, time, interval, time.GetTimestamp());

    /// <summary>There was something to read.</summary>
    public void News()
    {
        lock (_gate)
        {
            (_current, _lastNews) = (_interval, _time.GetTimestamp());
        }
    }

    /// <summary>This process appended up to here.</summary>
    public void Appended(LogPosition end)
    {
        TaskCompletionSource appended;
        lock (_gate)
        {
            _lastAppended = end;
            (appended, _appended) = (_appended, NewSignal());
        }

        appended.SetResult();
    }

    /// <summary>The service does not want so many requests.</summary>
    public void Throttled()
    {
        lock (_gate)
        {
            _current = Wider();
        }
    }

    public async Task WaitAsync(LogPosition after, CancellationToken cancellationToken)
    {
        (Task appended, TimeSpan pause) = (Task.CompletedTask, default(TimeSpan));
        lock (_gate)
        {
            if (_lastAppended is { } last && last.Epoch == after.Epoch && last.IsAfter(after))
            {
                _lastAppended = null; // One look tells. What it does not find the storage has lost, and the next look is a poll.
                return;
            }

            if (_time.GetElapsedTime(_lastNews) > s_patience)
            {
                _current = Wider();
            }

            (appended, pause) = (_appended.Task, _current);
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

    private TimeSpan Wider() => _current * 1.5 < s_longest ? _current * 1.5 : _interval > s_longest ? _interval : s_longest;

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
