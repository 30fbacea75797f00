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

    // Each append waits for the disk.
    private protected override int Schedules => 40;

    [Fact]
    public Task Values_outlive_the_log() => LoseLogAsync(() => redis.Server.CommandAsync("DEL", _logs[^1].Key));

    private protected override IEventLog CreateLog(TopicOptions? options = null)
    {
        _logs.Add(new RedisLog(redis.Server, options));
        return _logs[^1].Create();
    }
}
