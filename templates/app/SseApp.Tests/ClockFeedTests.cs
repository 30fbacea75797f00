using System.Globalization;
using System.Net.ServerSentEvents;
using FuncSse.Streaming;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;

namespace SseApp.Tests;

/// <summary>Your own feed, alone and over a real socket. Its first event comes at once, so no test waits for a second to pass.</summary>
public sealed class ClockFeedTests
{
    private readonly ClockFeed _clock = new(TimeProvider.System);

    [Fact(Timeout = 30_000)]
    public async Task Tells_the_time_at_once()
    {
        CancellationToken cancelled = TestContext.Current.CancellationToken;
        DateTimeOffset before = DateTimeOffset.UtcNow;
        SseItem<string> first = await _clock.ReadAsync(lastEventId: null, cancelled).FirstAsync(cancelled);
        var told = DateTimeOffset.Parse(first.Data, CultureInfo.InvariantCulture);
        Assert.InRange(told, before, DateTimeOffset.UtcNow);
        Assert.Equal(first.Data, first.EventId);
    }

    [Fact(Timeout = 30_000)]
    public async Task Streams_to_a_client()
    {
        CancellationToken cancelled = TestContext.Current.CancellationToken;
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddServerSentEvents();
        await using WebApplication app = builder.Build();
        app.MapGet("/clock", () => new SseStreamResult<string>(_clock.ReadAsync));
        await app.StartAsync(cancelled);

        using var client = new HttpClient();
        await using Stream stream = await client.GetStreamAsync(new Uri($"{app.Urls.Single()}/clock"), cancelled);
        SseItem<string> first = await SseParser.Create(stream).EnumerateAsync(cancelled).FirstAsync(cancelled);

        Assert.True(DateTimeOffset.TryParse(first.Data, CultureInfo.InvariantCulture, out _), first.Data);
    }
}
