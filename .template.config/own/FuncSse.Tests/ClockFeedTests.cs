using System.Globalization;
using System.Net.ServerSentEvents;
using FuncSse.Endpoints;
using FuncSse.Streaming;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;

namespace FuncSse.Tests;

/// <summary>Your own feed, alone and over a real socket. Its first event comes at once, so nothing here waits for a second to pass.</summary>
public sealed class ClockFeedTests
{
    private readonly ClockFeed _clock = new(TimeProvider.System);

    [Fact]
    public async Task Tells_the_time_at_once()
    {
        DateTimeOffset before = DateTimeOffset.UtcNow;
        SseItem<string> first = await FirstAsync(_clock.ReadAsync(lastEventId: null, TestContext.Current.CancellationToken));
        var told = DateTimeOffset.Parse(first.Data, CultureInfo.InvariantCulture);
        Assert.InRange(told, before, DateTimeOffset.UtcNow);
        Assert.Equal(first.Data, first.EventId);
    }

    [Fact]
    public async Task Streams_to_a_client()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddServerSentEvents();
        await using WebApplication app = builder.Build();
        app.MapGet("/clock", () => _clock.Stream());
        await app.StartAsync(TestContext.Current.CancellationToken);

        using var client = new HttpClient();
        await using Stream stream = await client.GetStreamAsync(new Uri($"{app.Urls.Single()}/clock"), TestContext.Current.CancellationToken);
        SseItem<string> first = await FirstAsync(SseParser.Create(stream).EnumerateAsync(TestContext.Current.CancellationToken));

        Assert.True(DateTimeOffset.TryParse(first.Data, CultureInfo.InvariantCulture, out _), first.Data);
    }

    private static async Task<SseItem<string>> FirstAsync(IAsyncEnumerable<SseItem<string>> events)
    {
        await foreach (SseItem<string> item in events)
        {
            return item;
        }

        throw new InvalidOperationException("There was no event.");
    }
}
