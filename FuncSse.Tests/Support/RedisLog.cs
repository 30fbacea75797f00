using FuncSse.Topics;
using FuncSse.Topics.Redis;
using Microsoft.Extensions.Logging.Testing;

namespace FuncSse.Tests.Topics;

/// <summary>One log on a Redis, and as many instances of it as a test wants.</summary>
internal sealed class RedisLog : IAsyncDisposable
{
    private readonly List<RedisEventLog> _instances = [];
    private readonly List<TopicNode> _nodes = [];

    public RedisLog(RedisServer server, TopicOptions? options = null)
    {
        Redis.SkipWhereMissing();
        Options = options ?? new TopicOptions();
        Options.Name = $"t{Guid.NewGuid():N}";
        Options.Redis ??= server.Configuration;
    }

    public TopicOptions Options { get; }

    public FakeLogger<RedisEventLog> Logger { get; } = new();

    /// <summary>The key of the stream.</summary>
    public string Key => $"{{{Options.Name}}}";

    /// <summary>Another instance, with a connection of its own.</summary>
    public RedisEventLog Create(TimeProvider? time = null)
    {
        _instances.Add(new RedisEventLog(Options, null, time ?? TimeProvider.System, Logger));
        return _instances[^1];
    }

    public TopicNode Node(TimeProvider? time = null)
    {
        _nodes.Add(new TopicNode(Create(time), Options, time));
        return _nodes[^1];
    }

    public async ValueTask DisposeAsync()
    {
        foreach (IAsyncDisposable one in _nodes.Concat<IAsyncDisposable>(_instances))
        {
            await one.DisposeAsync().AsTask().WaitAsync(TopicNode.Limit);
        }
    }
}
