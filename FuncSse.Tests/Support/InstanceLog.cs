using FuncSse.Topics;

namespace FuncSse.Tests.Topics;

/// <summary>A log in memory as one of several processes has it: each numbers its records by itself.</summary>
internal sealed class InstanceLog(IEventLog log) : IEventLog
{
    private const long Numbers = 1_000_000_000;

    private static long s_instances;

    private readonly long _first = Interlocked.Increment(ref s_instances) * Numbers;

    public TimeSpan? OldestAge => log.OldestAge;

    public Task<LogPosition> GetEndAsync(CancellationToken cancellationToken) => log.GetEndAsync(cancellationToken);

    public Task<LogPosition> GetEarliestAsync(CancellationToken cancellationToken) => log.GetEarliestAsync(cancellationToken);

    public Task<LogPage> ReadAsync(LogPosition after, int maxBytes, CancellationToken cancellationToken) => log.ReadAsync(after, maxBytes, cancellationToken);

    public Task WaitAsync(LogPosition after, CancellationToken cancellationToken) => log.WaitAsync(after, cancellationToken);

    public Task<IReadOnlyList<LogPosition>> AppendAsync(IReadOnlyList<NumberedRecord> records, CancellationToken cancellationToken) =>
        log.AppendAsync([.. records.Select(record => record with { Number = _first + record.Number })], cancellationToken);

    public Task<IReadOnlyList<RetainedValue>?> ReadValuesAsync(TopicSet topics, int max, CancellationToken cancellationToken) =>
        log.ReadValuesAsync(topics, max, cancellationToken);

    public Task<int> FindRoomAsync(string topic, CancellationToken cancellationToken) => log.FindRoomAsync(topic, cancellationToken);
}
