using FuncSse.Endpoints;
using FuncSse.Topics;
using FuncSse.Topics.Redis;
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

    private static ServiceProvider Services(string? configuration, string log = "redis") => new ServiceCollection()
        .AddLogging()
        .AddTopics(options => (options.Log, options.Redis) = (log, configuration))
        .AddRedisEventLog()
        .BuildServiceProvider();
}
