using ChangesFeed;
using FuncSse.Streaming;
using FuncSse.Tests.Topics;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace FuncSse.Tests.Samples;

/// <summary>The sample that streams the rows of a table, with its database.</summary>
public sealed class ChangesFeedTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("funcsse-orders-");
    private readonly ManualTimeProvider _time = new();
    private int _contexts;

    public void Dispose()
    {
        SqliteConnection.ClearAllPools(); // They hold the file open.
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task Rows_are_streamed_as_they_are_added()
    {
        await using SampleServer server = await StartAsync();
        await AddAsync(server, "coffee");
        using TopicClient stream = await server.OpenAsync(HttpMethod.Get, "orders");
        Assert.Equal("retry: 1000\n\n", await stream.FrameAsync());
        Assert.Equal("event: order\ndata: {\"number\":1,\"item\":\"coffee\"}\nid: 1\n\n", await FrameAsync(stream));
        await AddAsync(server, "tea");
        Assert.Equal("event: order\ndata: {\"number\":2,\"item\":\"tea\"}\nid: 2\n\n", await FrameAsync(stream));
    }

    [Fact]
    public async Task Client_that_comes_back_gets_the_rows_that_it_missed_each_once()
    {
        await using SampleServer server = await StartAsync();
        foreach (string item in (string[])["coffee", "tea", "milk"])
        {
            await AddAsync(server, item);
        }

        using TopicClient stream = await server.OpenAsync(HttpMethod.Get, "orders", headers: ("Last-Event-ID", "1"));
        await stream.FrameAsync();
        Assert.Contains("\"tea\"", await FrameAsync(stream), StringComparison.Ordinal);
        Assert.Contains("\"milk\"", await FrameAsync(stream), StringComparison.Ordinal);
        await AddAsync(server, "water");
        Assert.Contains("\"water\"", await FrameAsync(stream), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("'; DROP TABLE Orders; --")]
    [InlineData("99999999999999999999")]
    public async Task Any_other_id_is_a_fresh_start(string id)
    {
        await using SampleServer server = await StartAsync();
        await AddAsync(server, "coffee");
        using TopicClient stream = await server.OpenAsync(HttpMethod.Get, "orders", headers: ("Last-Event-ID", id));
        await stream.FrameAsync();
        Assert.Contains("\"coffee\"", await FrameAsync(stream), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Each_poll_has_a_scope_of_its_own()
    {
        await using SampleServer server = await StartAsync();
        int before = _contexts;
        using TopicClient stream = await server.OpenAsync(HttpMethod.Get, "orders");
        await stream.FrameAsync();
        for (int polls = 1; polls <= 5; polls++)
        {
            await Eventually.TrueAsync(() => Volatile.Read(ref _contexts) >= before + polls, "the next poll");
            Assert.Equal(before + polls, _contexts);
            await Eventually.TrueAsync(() => _time.NextDue is not null, "the feed waits");
            _time.Advance(TimeSpan.FromSeconds(1));
        }
    }

    private async Task<SampleServer> StartAsync()
    {
        SampleServer server = await SampleServer.StartAsync(typeof(OrdersFunction), (services, _) =>
        {
            services.AddServerSentEvents();
            services.AddSingleton(_ => new CoalescingTimeProvider(_time));
            services.AddDbContext<ShopContext>(options =>
            {
                Interlocked.Increment(ref _contexts);
                options.UseSqlite($"Data Source={Path.Combine(_folder.FullName, "orders.db")}");
            });
            services.AddScoped<OrderStore>();
            services.AddSingleton<OrdersFeed>();
        });
        await using AsyncServiceScope scope = server.Services.CreateAsyncScope();
        await scope.ServiceProvider.GetRequiredService<ShopContext>().Database.EnsureCreatedAsync(TestContext.Current.CancellationToken);
        return server;
    }

    private static async Task AddAsync(SampleServer server, string item)
    {
        using HttpResponseMessage response = await server.SendAsync(HttpMethod.Post, "orders", item);
        response.EnsureSuccessStatusCode();
    }

    // Moves the clock until the feed has polled again.
    private async Task<string> FrameAsync(TopicClient stream)
    {
        Task<string> frame = stream.FrameAsync();
        await Eventually.TrueAsync(
            () =>
            {
                _time.Advance(TimeSpan.FromMilliseconds(10));
                return frame.IsCompleted;
            },
            "the next event");
        return await frame;
    }
}
