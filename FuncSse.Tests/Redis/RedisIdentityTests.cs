using System.Buffers.Text;
using System.Text;
using Azure.Core;
using FuncSse.Topics.Redis;
using StackExchange.Redis;

namespace FuncSse.Tests.Topics;

/// <summary>Signing in with tokens, on a real Redis that takes them as passwords.</summary>
public sealed class RedisIdentityTests
{
    private const string User = "6f9c1e0a-0000-4000-8000-000000000001";

    [Theory]
    [InlineData("name.westeurope.redis.azure.net:10000", true)]
    [InlineData("name.redis.cache.windows.net:6380,ssl=true", true)]
    [InlineData("name.westeurope.redis.azure.net:10000,password=secret", false)]
    [InlineData("localhost:6379", false)]
    [InlineData("redis.example.com:6380,ssl=true", false)]
    public void Only_a_Redis_of_Azure_without_a_password_is_signed_in_to(string configuration, bool expected) =>
        Assert.Equal(expected, RedisIdentity.IsFor(ConfigurationOptions.Parse(configuration)));

    [Fact]
    public void Azure_is_reached_over_TLS_alone() =>
        Assert.True(ConfigurationOptions.Parse("name.westeurope.redis.azure.net:10000").Ssl);

    [Fact]
    public async Task Token_is_renewed_before_it_ends_and_the_connections_go_on()
    {
        await using RedisServer redis = await Redis.StartAsync();
        await using var log = new RedisLog(redis);
        var time = new ManualTimeProvider();
        var credential = new FakeCredential(time);
        await AllowAsync(redis, credential.Next());
        await using var instance = new RedisEventLog(log.Options, null, TimeProvider.System, log.Logger, new RedisIdentity(credential, time, log.Logger));
        await using var node = new TopicNode(instance, log.Options);
        await node.PublishAsync("t", "1");
        Assert.Equal(["https://redis.azure.com/.default"], credential.Scopes);
        string connection = await ConnectionAsync(redis);

        // The old one is no password any more, as on Azure when its time is over.
        await AllowAsync(redis, credential.Next());
        await Eventually.TrueAsync(() => time.NextDue == TimeSpan.FromMinutes(45));
        await redis.CommandAsync("CONFIG", "RESETSTAT");
        time.Advance(TimeSpan.FromMinutes(45));
        await Eventually.TrueAsync(async () => (await redis.CommandAsync("INFO", "commandstats")).Contains("cmdstat_auth:calls=1,", StringComparison.Ordinal));
        await node.PublishAsync("t", "2");
        Assert.Equal(connection, await ConnectionAsync(redis));

        // A connection that is made later has the new one as well.
        await redis.CommandAsync("CLIENT", "KILL", "TYPE", "normal");
        await node.PublishAsync("t", "3");
        Assert.Empty(await redis.CommandAsync("ACL", "LOG"));
        Assert.Equal(2, credential.Asked);
    }

    [Fact]
    public async Task Token_that_cannot_be_renewed_is_told_and_tried_again()
    {
        await using RedisServer redis = await Redis.StartAsync();
        await using var log = new RedisLog(redis);
        var time = new ManualTimeProvider();
        var credential = new FakeCredential(time);
        await AllowAsync(redis, credential.Next());
        await using var instance = new RedisEventLog(log.Options, null, TimeProvider.System, log.Logger, new RedisIdentity(credential, time, log.Logger));
        await using var node = new TopicNode(instance, log.Options);
        await node.PublishAsync("t", "1");
        credential.Fails = true;
        await Eventually.TrueAsync(() => time.NextDue == TimeSpan.FromMinutes(45));
        time.Advance(TimeSpan.FromMinutes(45));
        await Eventually.TrueAsync(() => log.Logger.Collector.Count == 1);
        Assert.StartsWith("The token for Redis could not be renewed", log.Logger.LatestRecord.Message, StringComparison.Ordinal);
        credential.Fails = false;
        await AllowAsync(redis, credential.Next());
        await Eventually.TrueAsync(() => time.NextDue == TimeSpan.FromMinutes(45) + TimeSpan.FromSeconds(30));
        time.Advance(TimeSpan.FromSeconds(30));
        await Eventually.TrueAsync(() => credential.Asked == 3);
        await node.PublishAsync("t", "2");
        Assert.Equal(1, log.Logger.Collector.Count);
    }

    private static async Task AllowAsync(RedisServer redis, string token) =>
        Assert.Equal("OK", await redis.CommandAsync("ACL", "SETUSER", User, "on", "resetpass", $">{token}", "~*", "&*", "+@all"));

    // The one that takes commands, by the number that Redis gave it.
    private static async Task<string> ConnectionAsync(RedisServer redis) =>
        Assert.Single((await redis.CommandAsync("CLIENT", "LIST", "TYPE", "normal")).Split('\n'), line => line.Contains($"user={User}", StringComparison.Ordinal)).Split(' ')[0];

    private sealed class FakeCredential(TimeProvider time) : TokenCredential
    {
        private int _number;
        private string _token = "";

        public int Asked { get; private set; }

        public IReadOnlyList<string> Scopes { get; private set; } = [];

        public bool Fails { get; set; }

        /// <summary>From now on it gives another token.</summary>
        public string Next() => _token = $"header.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes($$"""{"oid":"{{User}}","number":{{++_number}}}"""))}.signature";

        public override ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken)
        {
            (Asked, Scopes) = (Asked + 1, requestContext.Scopes);
            return Fails
                ? throw new InvalidOperationException("There is no token.")
                : ValueTask.FromResult(new AccessToken(_token, time.GetUtcNow() + TimeSpan.FromHours(1)));
        }

        public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken) => throw new NotSupportedException();
    }
}
