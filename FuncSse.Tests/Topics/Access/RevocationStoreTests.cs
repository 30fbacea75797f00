using System.Diagnostics;
using System.Net;

namespace FuncSse.Tests.Topics;

/// <summary>A revocation on the logs that several processes share.</summary>
public sealed class RevocationStoreTests(Azurite azurite, Redis redis) : IClassFixture<Azurite>, IClassFixture<Redis>
{
    [Theory]
    [InlineData("redis")]
    [InlineData("storage")]
    public async Task Streams_end_on_all_instances_and_tickets_are_refused_by_those_that_start_later(string log)
    {
        string name = $"t{Guid.NewGuid():N}";
        await using TopicServer one = await StartAsync(log, name);
        await using TopicServer two = await StartAsync(log, name);
        await using TopicServer idle = await StartAsync(log, name);
        string ticket = one.Tickets.Create(["a"], TimeSpan.FromMinutes(5), "ann");
        using TopicClient first = await OpenAsync(one, ticket);
        using TopicClient second = await OpenAsync(two, ticket);
        long start = Stopwatch.GetTimestamp();
        await one.Tickets.RevokeAsync("ann", TestContext.Current.CancellationToken).WaitAsync(TopicServer.Limit, TestContext.Current.CancellationToken);
        Assert.Equal("event: expired\ndata: {}\n\n", await first.FrameAsync());
        Assert.Equal("event: expired\ndata: {}\n\n", await second.FrameAsync());
        TestContext.Current.TestOutputHelper!.WriteLine($"{log}: {Stopwatch.GetElapsedTime(start).TotalMilliseconds} ms");
        await using TopicServer later = await StartAsync(log, name);
        foreach (TopicServer server in (TopicServer[])[one, two, idle, later])
        {
            Assert.Equal(HttpStatusCode.Unauthorized, (await server.HeadAsync($"topics/a?access_token={ticket}")).StatusCode);
        }

        string again = two.Tickets.Create(["a"], TimeSpan.FromMinutes(5), "ann");
        using TopicClient back = await OpenAsync(later, again);
        await one.PublishAsync("a", "1");
        Assert.StartsWith("data: 1\n", await back.FrameAsync(), StringComparison.Ordinal);
    }

    private Task<TopicServer> StartAsync(string log, string name) => TopicServer.StartAsync(TopicServer.WithKey(
        ("Topics:Log", log),
        ("Topics:Name", name),
        ("Topics:Redis", redis.Server.Configuration),
        ("AzureWebJobsStorage", azurite.ConnectionString)));

    private static async Task<TopicClient> OpenAsync(TopicServer server, string ticket)
    {
        TopicClient client = await server.OpenAsync($"topics/a?access_token={ticket}");
        await client.FrameAsync();
        Assert.StartsWith("event: position\n", await client.FrameAsync(), StringComparison.Ordinal);
        return client;
    }
}
