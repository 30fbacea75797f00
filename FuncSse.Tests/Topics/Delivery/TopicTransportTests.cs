using System.Diagnostics.Metrics;
using System.Net;
using System.Net.ServerSentEvents;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using FuncSse.Streaming;
using FuncSse.Topics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace FuncSse.Tests.Topics;

/// <summary>Topic streams over real sockets of each kind, and which of them the hub writes to by itself.</summary>
public sealed class TopicTransportTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    public enum Way
    {
        Plain,
        Close,
        Http10,
        Http2,
        Encrypted,
        Wrapped, // By middleware.
    }

    [Theory]
    [InlineData(Way.Plain, true)]
    [InlineData(Way.Close, true)]
    [InlineData(Way.Http10, false)]
    [InlineData(Way.Http2, false)]
    [InlineData(Way.Encrypted, false)]
    [InlineData(Way.Wrapped, false)]
    public async Task Each_event_arrives_once_and_in_order_however_it_is_sent_and_read(Way way, bool isDirect)
    {
        int seed = Random.Shared.Next();
        string[] events = [.. DirectTransportTests.Events(new Random(seed))];
        HttpContext? http = null;
        using X509Certificate2 certificate = DirectTransportTests.SelfSigned();
        await using WebApplication app = await StartAsync(way, certificate, context => http = context);
        using HttpClient client = Client(way, certificate);
        await using Stream body = await client.GetStreamAsync(new Uri(new Uri(app.Urls.Single()), "topics/t"), TestContext.Current.CancellationToken);
        await using IAsyncEnumerator<SseItem<string>> stream =
            SseParser.Create(body).EnumerateAsync(TestContext.Current.CancellationToken).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        Assert.Equal("position", (await NextAsync(stream)).EventType);
        Assert.Equal(isDirect, StreamConnection.FindChunked(http!) is not null);

        Task publish = PublishAsync(app, events, new Random(seed + 1));
        var random = new Random(seed + 2);
        for (int read = 0; read < events.Length; read++)
        {
            Assert.True((await NextAsync(stream)).Data == events[read], $"seed {seed}, event {read}");
            await DirectTransportTests.PauseAsync(random);
        }

        await publish.WaitAsync(s_limit, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Client_that_reads_late_gets_all_that_its_socket_did_not_take()
    {
        string[] events = [.. Enumerable.Range(0, 400).Select(i => $"{i}:{new string('x', 12_000)}")];
        using X509Certificate2 certificate = DirectTransportTests.SelfSigned();
        await using WebApplication app = await StartAsync(Way.Plain, certificate, _ => { });
        using HttpClient client = Client(Way.Plain, certificate);
        await using Stream body = await client.GetStreamAsync(new Uri(new Uri(app.Urls.Single()), "topics/t"), TestContext.Current.CancellationToken);
        await using IAsyncEnumerator<SseItem<string>> stream =
            SseParser.Create(body).EnumerateAsync(TestContext.Current.CancellationToken).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        await NextAsync(stream);
        await PublishAsync(app, events, new Random(1)).WaitAsync(s_limit, TestContext.Current.CancellationToken);
        foreach (string expected in events)
        {
            Assert.Equal(expected, (await NextAsync(stream)).Data);
        }
    }

    [Fact]
    public async Task Listener_that_throws_ends_no_stream()
    {
        using X509Certificate2 certificate = DirectTransportTests.SelfSigned();
        await using WebApplication app = await StartAsync(Way.Plain, certificate, _ => { });
        using var failing = new MeterListener();
        failing.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Name == "funcsse.topics.delivered" && instrument.Meter.Scope == app.Services.GetRequiredService<IMeterFactory>())
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        failing.SetMeasurementEventCallback<long>((_, _, _, _) => throw new InvalidOperationException("no"));
        failing.Start();
        using HttpClient client = Client(Way.Plain, certificate);
        TopicHub hub = app.Services.GetRequiredService<TopicHub>();
        await using (Stream body = await client.GetStreamAsync(new Uri(new Uri(app.Urls.Single()), "topics/t"), TestContext.Current.CancellationToken))
        {
            await using IAsyncEnumerator<SseItem<string>> stream =
                SseParser.Create(body).EnumerateAsync(TestContext.Current.CancellationToken).GetAsyncEnumerator(TestContext.Current.CancellationToken);
            await NextAsync(stream);
            Assert.NotNull(hub.Ring.Head);
            await PublishAsync(app, ["1", "2"], new Random(1)).WaitAsync(s_limit, TestContext.Current.CancellationToken);
            Assert.Equal("1", (await NextAsync(stream)).Data);
            Assert.Equal("2", (await NextAsync(stream)).Data);
        }

        await Eventually.TrueAsync(() => hub.Ring.Head is null); // Without subscribers the hub does not follow the log.
    }

    [Fact]
    public async Task Response_of_middleware_that_blocks_holds_up_no_other_stream()
    {
        using var isBlocked = new ManualResetEventSlim();
        using var release = new ManualResetEventSlim();
        using X509Certificate2 certificate = DirectTransportTests.SelfSigned();
        await using WebApplication app = await StartAsync(Way.Plain, certificate, http =>
        {
            if (http.Request.Query.ContainsKey("block"))
            {
                http.Response.Body = new BlockingStream(http.Response.Body, isBlocked, release);
            }
        });
        using HttpClient client = Client(Way.Plain, certificate);
        await using Stream blockedBody = await client.GetStreamAsync(new Uri(new Uri(app.Urls.Single()), "topics/t?block"), TestContext.Current.CancellationToken);
        await using Stream body = await client.GetStreamAsync(new Uri(new Uri(app.Urls.Single()), "topics/t"), TestContext.Current.CancellationToken);
        await using IAsyncEnumerator<SseItem<string>> blocked =
            SseParser.Create(blockedBody).EnumerateAsync(TestContext.Current.CancellationToken).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        await using IAsyncEnumerator<SseItem<string>> stream =
            SseParser.Create(body).EnumerateAsync(TestContext.Current.CancellationToken).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        await NextAsync(blocked);
        await NextAsync(stream);
        try
        {
            for (int number = 0; number < 10; number++)
            {
                await PublishAsync(app, [$"block {number}"], new Random(1)).WaitAsync(s_limit, TestContext.Current.CancellationToken);
                Assert.Equal($"block {number}", (await NextAsync(stream)).Data);
            }

            Assert.True(isBlocked.Wait(s_limit, TestContext.Current.CancellationToken));
        }
        finally
        {
            release.Set();
        }

        Assert.Equal("block 0", (await NextAsync(blocked)).Data);
    }

    private static async Task<WebApplication> StartAsync(Way way, X509Certificate2 certificate, Action<HttpContext> see)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen =>
        {
            listen.Protocols = way == Way.Http2 ? HttpProtocols.Http2 : HttpProtocols.Http1;
            if (way == Way.Encrypted)
            {
                listen.UseHttps(certificate);
            }
        }));
        builder.Services.AddServerSentEvents().ConfigureServerForStreams();
        builder.Services.AddTopics();
        WebApplication app = builder.Build();
        app.Use((context, next) =>
        {
            see(context);
            if (way == Way.Wrapped)
            {
                context.Response.Body = new BufferedStream(context.Response.Body);
            }

            return next(context);
        });
        app.MapGet("/topics/{*name}", (string? name) => new TopicStreamResult(name));
        await app.StartAsync(TestContext.Current.CancellationToken);
        return app;
    }

    private static HttpClient Client(Way way, X509Certificate2 certificate)
    {
        var handler = new SocketsHttpHandler
        {
            SslOptions = { RemoteCertificateValidationCallback = (_, shown, _, _) => certificate.Equals(shown) },
            ConnectCallback = async (context, cancellationToken) =>
            {
                var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, ReceiveBufferSize = 4096 };
                await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            },
        };
        var client = new HttpClient(handler)
        {
            DefaultRequestVersion = way switch { Way.Http10 => HttpVersion.Version10, Way.Http2 => HttpVersion.Version20, _ => HttpVersion.Version11 },
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Timeout = s_limit,
        };
        client.DefaultRequestHeaders.ConnectionClose = way == Way.Close ? true : null;
        return client;
    }

    private static async Task PublishAsync(WebApplication app, string[] events, Random random)
    {
        ITopicPublisher publisher = app.Services.GetRequiredService<ITopicPublisher>();
        foreach (string data in events)
        {
            await publisher.PublishAsync("t", data, cancellationToken: TestContext.Current.CancellationToken);
            await DirectTransportTests.PauseAsync(random);
        }
    }

    private static async Task<SseItem<string>> NextAsync(IAsyncEnumerator<SseItem<string>> stream)
    {
        Assert.True(await stream.MoveNextAsync().AsTask().WaitAsync(s_limit, TestContext.Current.CancellationToken));
        return stream.Current;
    }

    /// <summary>Blocks the thread that writes an event, until it is released.</summary>
    private sealed class BlockingStream(Stream inner, ManualResetEventSlim isBlocked, ManualResetEventSlim release) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (buffer.Span.IndexOf("block"u8) >= 0)
            {
                isBlocked.Set();
                release.Wait(s_limit, cancellationToken);
            }

            return inner.WriteAsync(buffer, cancellationToken);
        }

        public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

        public override void Flush() => throw new NotSupportedException();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
