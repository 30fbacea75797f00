using FuncSse.Endpoints;
using FuncSse.Topics;
using FuncSse.Topics.Redis;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace FuncSse.Tests.Topics;

/// <summary>The configuration of the log in Redis, before there is one.</summary>
public sealed class RedisOptionsTests
{
    [Theory]
    [InlineData(null)]
    [InlineData(" ")]
    [InlineData("password=secret")]
    [InlineData("localhost,nonsense=secret")]
    [InlineData("localhost,ssl=secret")]
    public async Task Configuration_that_is_missing_or_wrong_stops_the_app_with_one_line_that_does_not_have_it(string? configuration)
    {
        await using ServiceProvider services = Services(configuration);
        using var error = new StringWriter();
        Assert.False(services.CheckOptions(error));
        string line = Assert.Single(error.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith("Topics:Redis is missing or not valid", line, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", line, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("localhost:6379", "redis")]
    [InlineData("cache.example:10000,password=secret,ssl=True,abortConnect=False", "redis")]
    [InlineData(null, "memory")]
    public async Task Configuration_that_is_right_or_not_needed_starts(string? configuration, string log)
    {
        await using ServiceProvider services = Services(configuration, log);
        using var error = new StringWriter();
        Assert.True(services.CheckOptions(error), error.ToString());
        Assert.Equal(log == "redis", services.GetRequiredService<IEventLog>() is RedisEventLog);
    }

    [Fact]
    public async Task Name_of_a_connection_string_stands_for_it()
    {
        IConfigurationRoot configuration = new ConfigurationBuilder()
            .AddInMemoryCollection([new("Topics:Log", "redis"), new("Topics:Redis", "cache"), new("ConnectionStrings:cache", "cache.example:6380,ssl=True")])
            .Build();
        await using ServiceProvider services = new ServiceCollection()
            .AddLogging()
            .AddSingleton<IConfiguration>(configuration)
            .AddTopics(configuration.GetSection("Topics"))
            .AddRedisEventLog()
            .BuildServiceProvider();
        Assert.Equal("cache.example:6380,ssl=True", services.GetRequiredService<TopicOptions>().Redis);
    }

    [Theory]
    [InlineData("+info", 0)]
    [InlineData("-info", 1)]
    public async Task User_with_the_rights_that_the_documents_name_can_do_all(string last, int lines)
    {
        await using RedisServer redis = await Redis.StartAsync();
        await using var log = new RedisLog(redis, new TopicOptions { Redis = $"{redis.Configuration},user=funcsse,password=PASSWORD" });
        string documents = await File.ReadAllTextAsync(Path.Combine(RepositoryRoot.Path, "docs", "redis.md"), TestContext.Current.CancellationToken);
        string command = documents.Split("redis-cli ACL SETUSER", 2)[1].Split("\n\n", 2)[0]
            .Replace("{funcsse-topics", log.Key.TrimEnd('}'), StringComparison.Ordinal)
            .Replace("'", "", StringComparison.Ordinal);
        string[] rights = command.Split([' ', '\n', '\\'], StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("OK", await redis.CommandAsync(["ACL", "SETUSER", .. rights, last]));
        TopicNode node = log.Node();
        using SubscriptionReader reader = log.Node().Subscribe("t", await node.EarliestAsync());
        await reader.NextAsync();
        string id = await node.PublishAsync("t", "1");
        Assert.Equal("1", await reader.DataAsync());
        await node.PublishAsync("v", "1", retain: true);
        await node.PublishAsync("w", "1", retain: true);
        await node.PublishAsync("w", "", retain: true);
        await node.Tickets.RevokeAsync("ann", TestContext.Current.CancellationToken);
        using SubscriptionReader values = log.Node().Subscribe("v *");
        Assert.StartsWith("data: 1\n\n", await values.NextAsync(), StringComparison.Ordinal);
        await node.Revocations.ReadAsync().WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken);
        var runs = new RedisEventLog(RecordingLog.OptionsOf(log.Options), null, TimeProvider.System, log.Logger);
        await using (var recording = new TopicNode(runs, RecordingLog.OptionsOf(log.Options)))
        {
            await recording.PublishAsync("r", "1", retain: true);
            Assert.Single((await runs.ReadValuesAsync(new TopicSet(["r"]), 10, TestContext.Current.CancellationToken))!);
        }

        await runs.DisposeAsync();
        await redis.CommandAsync("DEL", log.Key);
        await node.PublishAsync("t", "2");
        Assert.Equal(PositionState.Unknown, await node.StateAsync(id));
        Assert.Equal(lines * 4, log.Logger.Collector.Count);
        string denied = await redis.CommandAsync("ACL", "LOG");
        Assert.DoesNotContain("xadd", denied, StringComparison.Ordinal);
        Assert.DoesNotContain("appended", denied, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Credential_that_fails_is_an_outage_and_is_asked_for_again()
    {
        await using RedisServer redis = await Redis.StartAsync();
        await using var log = new RedisLog(redis);
        int tries = 0;
        await using var instance = new RedisEventLog(
            log.Options,
            _ => ++tries < 3 ? throw new InvalidOperationException("There is no token.") : Task.CompletedTask,
            TimeProvider.System,
            log.Logger);
        for (int number = 0; number < 2; number++)
        {
            await Assert.ThrowsAsync<EventLogUnavailableException>(
                () => instance.GetEndAsync(TestContext.Current.CancellationToken).WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken));
        }

        await instance.GetEndAsync(TestContext.Current.CancellationToken).WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken);
        Assert.Equal(3, tries);
    }

    private static ServiceProvider Services(string? configuration, string log = "redis") => new ServiceCollection()
        .AddLogging()
        .AddTopics(options => (options.Log, options.Redis) = (log, configuration))
        .AddRedisEventLog()
        .BuildServiceProvider();
}
