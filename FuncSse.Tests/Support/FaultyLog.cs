using FuncSse.Topics;

namespace FuncSse.Tests.Topics;

/// <summary>A log between which and its user things happen.</summary>
internal sealed class FaultyLog(IEventLog log) : IEventLog
{
    private int _appends;
    private int _reads;

    public int Appends => Volatile.Read(ref _appends);

    public int Reads => Volatile.Read(ref _reads);

    /// <summary>Called in place of an append; calls the log itself if it likes.</summary>
    public Func<Func<Task<IReadOnlyList<LogPosition>>>, CancellationToken, Task<IReadOnlyList<LogPosition>>> OnAppend { get; set; } =
        (append, _) => append();

    /// <summary>Called when the earliest position is found, before anyone knows it.</summary>
    public Func<Task> AfterEarliest { get; set; } = () => Task.CompletedTask;

    /// <summary>Called in place of a read; calls the log itself if it likes.</summary>
    public Func<LogPosition, Func<Task<LogPage>>, Task<LogPage>> OnRead { get; set; } = (_, read) => read();

    /// <summary>Called before the log says whether a topic may have a value.</summary>
    public Func<Task> BeforeCanRetain { get; set; } = () => Task.CompletedTask;

    public bool IsUnreachable { get; set; }

    public TimeSpan? OldestAge => log.OldestAge;

    public Task<LogPosition> GetEndAsync(CancellationToken cancellationToken) => Reached().GetEndAsync(cancellationToken);

    public async Task<LogPosition> GetEarliestAsync(CancellationToken cancellationToken)
    {
        LogPosition earliest = await Reached().GetEarliestAsync(cancellationToken);
        await AfterEarliest();
        return earliest;
    }

    public Task<LogPage> ReadAsync(LogPosition after, int maxBytes, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _reads);
        return OnRead(after, () => Reached().ReadAsync(after, maxBytes, cancellationToken));
    }

    public Task WaitAsync(LogPosition after, CancellationToken cancellationToken) => Reached().WaitAsync(after, cancellationToken);

    public Task<IReadOnlyList<LogPosition>> AppendAsync(IReadOnlyList<NumberedRecord> records, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _appends);
        return OnAppend(() => Reached().AppendAsync(records, CancellationToken.None), cancellationToken);
    }

    public Task<IReadOnlyList<RetainedValue>?> ReadValuesAsync(TopicSet topics, int max, CancellationToken cancellationToken) =>
        Reached().ReadValuesAsync(topics, max, cancellationToken);

    public async Task<int> FindRoomAsync(string topic, CancellationToken cancellationToken)
    {
        await BeforeCanRetain();
        return await Reached().FindRoomAsync(topic, cancellationToken);
    }

    private IEventLog Reached() => IsUnreachable ? throw new EventLogUnavailableException() : log;
}
