using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;
using System.Net;
using System.Net.ServerSentEvents;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using FuncSse.Streaming;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace FuncSse.Tests;

/// <summary>The whole way through Kestrel, whose layers above the transport must not notice it.</summary>
public sealed class DirectTransportTests
{
    [Fact]
    public async Task Large_response_does_not_keep_those_after_it_from_the_socket()
    {
        var isRead = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var wentAtOnce = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using WebApplication app = await StartAsync(async http =>
        {
            http.Response.BodyWriter.Write(new byte[2 * DirectSocketWriter.BlockSize]);
            http.Response.BodyWriter.Write("the middle"u8);
            await http.Response.BodyWriter.FlushAsync();
            await isRead.Task;
            http.Response.BodyWriter.Write("the end"u8);
            ValueTask<FlushResult> flush = http.Response.BodyWriter.FlushAsync();
            wentAtOnce.SetResult(flush.IsCompletedSuccessfully);
            await flush;
        });
        using RawClient client = await RawClient.GetAsync(new Uri(app.Urls.Single()));
        await client.ReadUntilAsync("the middle");
        isRead.SetResult();
        Assert.Contains("the end", await client.ReadUntilAsync("the end"), StringComparison.Ordinal);
        Assert.True(await wentAtOnce.Task);
    }

    [Fact]
    public async Task Client_that_does_not_read_is_waited_for_without_a_thread()
    {
        var waits = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using WebApplication app = await StartAsync(async http =>
        {
            while (true)
            {
                http.Response.BodyWriter.Write(new byte[16 * 1024]);
                ValueTask<FlushResult> flush = http.Response.BodyWriter.FlushAsync(http.RequestAborted);
                if (!flush.IsCompleted)
                {
                    waits.TrySetResult();
                }

                await flush;
            }
        });
        using RawClient client = await RawClient.GetAsync(new Uri(app.Urls.Single()));
        await waits.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task What_is_not_flushed_is_sent_when_the_connection_ends()
    {
        await using WebApplication app = await StartAsync(async http =>
        {
            await http.Response.StartAsync();
            throw new InvalidOperationException("The response is left as it is.");
        });
        using RawClient client = await RawClient.GetAsync(new Uri(app.Urls.Single()));
        Assert.StartsWith("HTTP/1.1 200 OK", await client.ReadUntilAsync("\r\n\r\n"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Connection_whose_socket_is_gone_does_not_end_the_listening()
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        socket.Dispose();
        await using var connection = new DefaultConnectionContext();
        connection.Features.Set<IConnectionSocketFeature>(new SocketOf(socket));
        await using var listener = new DirectTransport.Listener(new OneConnection(connection), maxBuffered: 1);
        Assert.Same(connection, await listener.AcceptAsync(TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Transport_of_the_apps_own_keeps_its_place(bool isFirst)
    {
        var services = new ServiceCollection();
        ServiceDescriptor own = ServiceDescriptor.Singleton<IConnectionListenerFactory>(_ => throw new UnreachableException());
        ServiceDescriptor kestrels = ServiceDescriptor.Singleton<IConnectionListenerFactory, SocketTransportFactory>();
        services.Add(isFirst ? [own, kestrels] : [kestrels, own]);
        services.AddSingleton<SocketTransportFactory>(); // The app's own may be made of it.
        services.ConfigureServerForStreams();
        Type?[] types = [.. services.Where(service => service.ServiceType == typeof(IConnectionListenerFactory)).Select(service => service.ImplementationType)];
        Assert.Equal(isFirst ? [null, typeof(DirectTransport)] : [typeof(DirectTransport), null], types);
        Assert.Contains(services, service => service.ServiceType == typeof(SocketTransportFactory));
    }

    [Fact]
    public async Task Server_that_is_added_later_uses_it_too()
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new());
        builder.Services.AddServerSentEvents().ConfigureServerForStreams();
        builder.WebHost.UseKestrelCore();
        await using WebApplication app = builder.Build();
        Assert.IsType<DirectTransport>(Assert.Single(app.Services.GetServices<IConnectionListenerFactory>()));
    }

    [Theory]
    [InlineData(HttpProtocols.Http1, false)]
    [InlineData(HttpProtocols.Http1, true)]
    [InlineData(HttpProtocols.Http2, false)]
    [InlineData(HttpProtocols.Http2, true)]
    public async Task Nothing_is_lost_or_swapped_however_it_is_sent_and_read(HttpProtocols protocol, bool isEncrypted)
    {
        int seed = Random.Shared.Next();
        string[] events = [.. Events(new Random(seed))];
        using X509Certificate2 certificate = SelfSigned();
        await using AppServer server = await AppServer.StartAsync(
            listen =>
            {
                listen.Protocols = protocol;
                if (isEncrypted)
                {
                    listen.UseHttps(certificate);
                }
            },
            [],
            ("/feed", (_, _) => Feed(events, new Random(seed + 1))));
        using var client = new HttpClient(new SocketsHttpHandler { SslOptions = { RemoteCertificateValidationCallback = (_, shown, _, _) => certificate.Equals(shown) } })
        {
            DefaultRequestVersion = protocol == HttpProtocols.Http2 ? HttpVersion.Version20 : HttpVersion.Version11,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        var random = new Random(seed + 2);
        int read = 0;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(60));
        await using Stream body = await client.GetStreamAsync(new Uri(server.Address, "feed"), limit.Token);
        await foreach (SseItem<string> item in SseParser.Create(body).EnumerateAsync(limit.Token))
        {
            Assert.True(item.Data == events[read], $"seed {seed}, event {read}");
            read++;
            await PauseAsync(random);
        }

        Assert.Equal(events.Length, read);
        server.AssertQuiet();
    }

    private sealed record SocketOf(Socket Socket) : IConnectionSocketFeature;

    private sealed class OneConnection(ConnectionContext connection) : IConnectionListener
    {
        public EndPoint EndPoint => new IPEndPoint(IPAddress.Loopback, 0);

        public ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default) => ValueTask.FromResult<ConnectionContext?>(connection);

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default) => ValueTask.CompletedTask;

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    private static async Task<WebApplication> StartAsync(RequestDelegate answer)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddServerSentEvents().ConfigureServerForStreams();
        WebApplication app = builder.Build();
        app.Run(answer);
        await app.StartAsync(TestContext.Current.CancellationToken);
        return app;
    }

    internal static IEnumerable<string> Events(Random random) => Enumerable.Range(0, 1000)
        .Select(i => $"{i}:{random.GetHexString(random.Next(50) == 0 ? random.Next(100_000) : random.Next(200))}");

    private static async IAsyncEnumerable<SseItem<string>> Feed(string[] events, Random random)
    {
        foreach (string data in events)
        {
            await PauseAsync(random);
            yield return new SseItem<string>(data) { EventId = "1" };
        }
    }

    internal static Task PauseAsync(Random random) => random.Next(20) == 0 ? Task.Delay(random.Next(5)) : Task.CompletedTask;

    internal static X509Certificate2 SelfSigned()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }
}
