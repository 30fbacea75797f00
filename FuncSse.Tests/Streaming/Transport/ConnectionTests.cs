using System.Net;
using System.Net.ServerSentEvents;
using FuncSse.Streaming;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace FuncSse.Tests;

/// <summary>Tests the connection after a stream, and the <c>Connection</c> header.</summary>
public sealed class ConnectionTests
{
    private const int Tcp = 6;
    private const int NotSentLowWater = 25;

    private static readonly TimeSpan s_maxWait = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData("HTTP/1.1", "", true)]
    [InlineData("HTTP/1.1", "Connection: keep-alive\r\n", true)]
    [InlineData("HTTP/1.1", "Connection: close\r\n", false)]
    [InlineData("HTTP/1.1", "Connection: Close\r\n", false)]
    [InlineData("HTTP/1.1", "Connection: x, close\r\n", false)]
    [InlineData("HTTP/1.0", "", false)]
    [InlineData("HTTP/1.0", "Connection: keep-alive\r\n", false)]
    public async Task Keep_alive_header_is_sent_only_if_the_connection_stays_open(string protocol, string header, bool stays)
    {
        await using WebApplication app = await StartAsync(HttpProtocols.Http1);
        var address = new Uri(app.Urls.Single());
        using RawClient client = await RawClient.SendAsync(
            address, System.Text.Encoding.ASCII.GetBytes($"GET /stream {protocol}\r\nHost: {address.Authority}\r\n{header}\r\n"));
        string answer = await client.ReadUntilAsync("data: a\n\n");
        Assert.Equal(stays, answer.Contains("\r\nConnection: keep-alive\r\n", StringComparison.OrdinalIgnoreCase));
        if (!stays)
        {
            await client.ReadToEndAsync();
        }
    }

    [Fact]
    public async Task Download_after_a_stream_on_the_same_connection_is_not_held_back()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux has this limit. Run this test on Linux.");
        await using WebApplication app = await StartAsync(HttpProtocols.Http1);
        using var client = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = 1 }) { BaseAddress = new Uri(app.Urls.Single()) };
        string fresh = await GetAsync(client, "/limit");
        Assert.EndsWith("data: a\n\n", await GetAsync(client, "/stream"), StringComparison.Ordinal);
        Assert.Equal(fresh, await GetAsync(client, "/limit"));
        Assert.Equal("32768", await GetAsync(client, "/limit?of=stream"));
    }

    [Fact]
    public async Task Refusal_over_http2_does_not_end_the_other_streams_of_the_connection()
    {
        await using WebApplication app = await StartAsync(HttpProtocols.Http2, maxStreams: 1);
        using var client = new HttpClient { BaseAddress = new Uri(app.Urls.Single()), DefaultRequestVersion = HttpVersion.Version20, DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact };
        using var open = new StreamReader(await client.GetStreamAsync("/endless", TestContext.Current.CancellationToken));
        Assert.Equal("retry: 1000", await open.ReadLineAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(s_maxWait, TestContext.Current.CancellationToken));
        for (int i = 0; i < 3; i++)
        {
            Assert.Matches("^retry: [12]\\d{4}\n\n$", await GetAsync(client, "/stream"));
        }

        open.Dispose();
        await Eventually.TrueAsync(async () => (await GetAsync(client, "/stream")).EndsWith("data: a\n\n", StringComparison.Ordinal));
    }

    private static Task<string> GetAsync(HttpClient client, string path) =>
        client.GetStringAsync(path, TestContext.Current.CancellationToken).WaitAsync(s_maxWait);

    private static async Task<WebApplication> StartAsync(HttpProtocols protocols, int? maxStreams = null)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = protocols));
        builder.Services.AddServerSentEvents(options => options.MaxStreams = maxStreams).ConfigureServerForStreams();
        WebApplication app = builder.Build();
        string during = "";
        app.MapGet("/stream", (HttpContext http) => new SseStreamResult<string>((_, _) => Once(() => during = Limit(http))));
        app.MapGet("/endless", () => new SseStreamResult<string>((_, cancellationToken) => StreamHarness.SilentAsync(cancellationToken)));
        app.MapGet("/limit", (HttpContext http) => http.Request.Query["of"] == "stream" ? during : Limit(http));
        await app.StartAsync(TestContext.Current.CancellationToken);
        return app;
    }

    private static async IAsyncEnumerable<SseItem<string>> Once(Action look)
    {
        await Task.Yield();
        look();
        yield return new SseItem<string>("a");
    }

    private static string Limit(HttpContext http)
    {
        byte[] value = new byte[sizeof(int)];
        http.Features.Get<IConnectionSocketFeature>()!.Socket.GetRawSocketOption(Tcp, NotSentLowWater, value);
        return BitConverter.ToInt32(value).ToString(System.Globalization.CultureInfo.InvariantCulture);
    }
}
