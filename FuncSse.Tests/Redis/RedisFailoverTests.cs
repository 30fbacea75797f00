using System.Diagnostics;
using FuncSse.Topics;

namespace FuncSse.Tests.Topics;

/// <summary>A primary with a replica that is promoted, under an instance that publishes and another one that reads.</summary>
public sealed class RedisFailoverTests : IAsyncLifetime
{
    // What the client needs to look for the roles of its servers, and what a machine under load adds.
    private static readonly TimeSpan s_back = TimeSpan.FromSeconds(3 + 3);

    private RedisServer _primary = null!;
    private RedisServer _replica = null!;
    private RedisLog _log = null!;
    private TopicNode _node = null!;
    private SubscriptionReader _reader = null!;
    private string _first = "";

    public async ValueTask InitializeAsync()
    {
        _primary = await Redis.StartAsync();
        _replica = await Redis.StartAsync(RedisServer.ReplicaOf(_primary));
        await Eventually.TrueAsync(async () => (await _replica.CommandAsync("INFO", "replication")).Contains("master_link_status:up", StringComparison.Ordinal));
        _log = new RedisLog(_primary, new TopicOptions { Redis = $"{_primary.Configuration},{_replica.Configuration}" });
        _node = _log.Node();
        _reader = _log.Node().Subscribe("t");
        await _reader.NextAsync();
        _first = await _node.PublishAsync("t", "1");
        Assert.Equal("1", await _reader.DataAsync());
        await Eventually.TrueAsync(async () => await _replica.CommandAsync("XLEN", _log.Key) == "1");
    }

    public async ValueTask DisposeAsync()
    {
        _reader?.Dispose();
        foreach (IAsyncDisposable? one in (IAsyncDisposable?[])[_log, _replica, _primary])
        {
            await (one?.DisposeAsync() ?? ValueTask.CompletedTask);
        }
    }

    [Fact]
    public async Task Replica_that_has_everything_goes_on_without_a_reset_when_the_primary_is_killed()
    {
        await _primary.KillAsync();
        await _replica.CommandAsync("REPLICAOF", "NO", "ONE");
        string second = await PublishInTimeAsync(s_back);
        Assert.Equal(_first.Split('-')[0], second.Split('-')[0]);
        Assert.Equal("2", await _reader.DataAsync());
    }

    [Fact]
    public async Task Primary_that_becomes_a_replica_is_left_for_the_new_one()
    {
        await _replica.CommandAsync("REPLICAOF", "NO", "ONE");
        await _primary.CommandAsync("REPLICAOF", "127.0.0.1", $"{_replica.Port}");
        long back = Stopwatch.GetTimestamp();
        await PublishInTimeAsync(s_back);
        Assert.Equal("2", await _reader.DataAsync());
        Assert.InRange(Stopwatch.GetElapsedTime(back), TimeSpan.Zero, s_back);
    }

    [Fact]
    public async Task Reader_leaves_a_primary_that_became_a_replica_and_gets_nothing_more()
    {
        await _replica.CommandAsync("REPLICAOF", "NO", "ONE");
        await _primary.CommandAsync("REPLICAOF", "127.0.0.1", $"{FreePort.Find()}"); // As while it cannot reach the new primary, or copies it for long.
        await PublishInTimeAsync(s_back);
        long published = Stopwatch.GetTimestamp();
        Assert.Equal("2", await _reader.DataAsync());
        Assert.InRange(Stopwatch.GetElapsedTime(published), TimeSpan.Zero, TimeSpan.FromSeconds(5 + 3));
    }

    [Fact]
    public async Task Primary_that_stands_still_is_left_for_the_replica_that_was_promoted()
    {
        await _primary.FreezeAsync();
        await _replica.CommandAsync("REPLICAOF", "NO", "ONE");
        await PublishInTimeAsync(TimeSpan.FromSeconds(10)); // How long a publisher waits.
    }

    private async Task<string> PublishInTimeAsync(TimeSpan limit)
    {
        long began = Stopwatch.GetTimestamp();
        string id = await _node.PublishAsync("t", "2");
        Assert.InRange(Stopwatch.GetElapsedTime(began), TimeSpan.Zero, limit);
        return id;
    }
}
