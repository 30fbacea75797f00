using FuncSse.Topics;

namespace FuncSse.Tests.Topics;

/// <summary>What every log does, on a Redis that writes each answer to its disk first.</summary>
public sealed class RedisAofEventLogTests(RedisWithAppendOnlyFile redis) : EventLogSpecification, IClassFixture<RedisWithAppendOnlyFile>, IAsyncDisposable
{
    private readonly List<RedisLog> _logs = [];

    public async ValueTask DisposeAsync()
    {
        foreach (RedisLog log in _logs)
        {
            await log.DisposeAsync();
        }
    }

    private protected override IEventLog OtherInstance(IEventLog log) => _logs[^1].Create();

    private protected override IEventLog CreateLog()
    {
        _logs.Add(new RedisLog(redis.Server));
        return _logs[^1].Create();
    }
}
