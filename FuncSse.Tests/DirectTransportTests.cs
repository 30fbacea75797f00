using System.IO.Pipelines;
using System.Net;
using System.Net.ServerSentEvents;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using FuncSse.Streaming;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace FuncSse.Tests;

/// <summary>The whole way through Kestrel, whose layers above the transport must not notice it.</summary>
public sealed class DirectTransportTests
{
    [Fact]
    public async Task Kestrel_uses_it()
    {
        PipeWriter? output = null;
        await using AppServer server = await AppServer.StartAsync(
            listen => listen.Use(next => connection =>
            {
                output = connection.Transport.Output;
                return next(connection);
            }),
            []);
        using RawClient client = await RawClient.GetAsync(server.Address);
        await client.ReadUntilAsync("retry: 1000\n\n");
        Assert.IsType<DirectSocketWriter>(output);
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
        await using Stream body = await client.GetStreamAsync(new Uri(server.Address, "feed"), TestContext.Current.CancellationToken);
        await foreach (SseItem<string> item in SseParser.Create(body).EnumerateAsync(TestContext.Current.CancellationToken))
        {
            Assert.True(item.Data == events[read], $"seed {seed}, event {read}");
            read++;
            await PauseAsync(random);
        }

        Assert.Equal(events.Length, read);
        server.AssertQuiet();
    }

    private static IEnumerable<string> Events(Random random) => Enumerable.Range(0, 1000)
        .Select(i => $"{i}:{random.GetHexString(random.Next(50) == 0 ? random.Next(100_000) : random.Next(200))}");

    private static async IAsyncEnumerable<SseItem<string>> Feed(string[] events, Random random)
    {
        foreach (string data in events)
        {
            await PauseAsync(random);
            yield return new SseItem<string>(data);
        }
    }

    private static Task PauseAsync(Random random) => random.Next(20) == 0 ? Task.Delay(random.Next(5)) : Task.CompletedTask;

    private static X509Certificate2 SelfSigned()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }
}
