using System.Net;
using System.Net.ServerSentEvents;
using FuncSse.Endpoints;
using FuncSse.Streaming;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;

namespace FuncSse.Tests;

/// <summary>The engine on Kestrel inside the test's own process, where its count of streams and its memory can be looked at.</summary>
internal sealed class AppServer : IAsyncDisposable
{
    private readonly WebApplication _app;

    private AppServer(WebApplication app) => _app = app;

    public FakeLogCollector Logs { get; } = new();

    public Uri Address => new(_app.Urls.First());

    public Uri Events => new(Address, "events");

    public StreamServices Streams => _app.Services.GetRequiredService<StreamServices>();

    /// <summary>Serves the counter at /events and the given feeds at paths of their own.</summary>
    public static Task<AppServer> StartAsync(
        IEnumerable<(string Name, string Value)> settings, params (string Path, SseFeed<string> Feed)[] feeds) =>
        StartAsync(_ => { }, settings, feeds);

    public static async Task<AppServer> StartAsync(
        Action<ListenOptions> listen, IEnumerable<(string Name, string Value)> settings, params (string Path, SseFeed<string> Feed)[] feeds)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Configuration.AddInMemoryCollection(settings.Select(setting => KeyValuePair.Create(setting.Name, (string?)setting.Value)));
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen));
        builder.Logging.ClearProviders().AddFilter("FuncSse", LogLevel.Debug).AddFilter("Microsoft", LogLevel.Error);
        builder.Services.AddEndpoints(builder.Configuration);
        WebApplication app = builder.Build();
        var server = new AppServer(app);
        app.Services.GetRequiredService<ILoggerFactory>().AddProvider(new FakeLoggerProvider(server.Logs));
        app.MapGet("/events", (HttpRequest request, CounterFeed counter) => counter.Stream(request));
        foreach ((string path, SseFeed<string> feed) in feeds)
        {
            app.MapGet(path, () => new SseStreamResult<string>(feed));
        }

        await app.StartAsync(TestContext.Current.CancellationToken);
        return server;
    }

    /// <summary>A feed that sends as fast as it may.</summary>
    public static async IAsyncEnumerable<SseItem<string>> Flood(string data)
    {
        while (true)
        {
            await Task.Yield();
            yield return new SseItem<string>(data) { EventId = "1" };
        }
    }

    public void AssertQuiet() => Assert.DoesNotContain(Logs.GetSnapshot(), entry => entry.Level > LogLevel.Information);

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
