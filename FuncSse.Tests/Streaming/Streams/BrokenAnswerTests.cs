using System.Net;
using System.Net.ServerSentEvents;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using FuncSse.Streaming;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace FuncSse.Tests;

/// <summary>Answers that break, over real sockets: the client has all that was written, and sees that it is not the whole.</summary>
public sealed class BrokenAnswerTests : IAsyncDisposable
{
    private const int Runs = 20;
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    private static readonly X509Certificate2 s_certificate = DirectTransportTests.SelfSigned();

    private WebApplication? _app;

    [Theory]
    [InlineData(HttpProtocols.Http1, false, false)]
    [InlineData(HttpProtocols.Http1, false, true)]
    [InlineData(HttpProtocols.Http1, true, false)]
    [InlineData(HttpProtocols.Http1, true, true)]
    [InlineData(HttpProtocols.Http2, false, false)]
    [InlineData(HttpProtocols.Http2, false, true)]
    [InlineData(HttpProtocols.Http2, true, true)]
    public async Task Last_event_reaches_the_client_before_the_connection_breaks(HttpProtocols protocol, bool isTls, bool isDirect)
    {
        await StartAsync(protocol, isTls, isDirect, lastEvent: "the error");
        using HttpClient client = NewClient(protocol);
        await Task.WhenAll(Enumerable.Range(0, Runs).Select(async _ =>
        {
            using Stream body = await OpenAsync(client);
            (string text, bool isBroken) = await ReadAsync(body, pause: TimeSpan.Zero);
            Assert.Equal(":\n\ndata: 1\n\ndata: 2\n\ndata: 3\n\ndata: 4\n\ndata: the error\n\n", text);
            Assert.True(isBroken);
        }));
    }

    [Theory]
    [InlineData(HttpProtocols.Http1, false)]
    [InlineData(HttpProtocols.Http1, true)]
    public async Task Client_that_reads_slowly_has_it_too(HttpProtocols protocol, bool isDirect)
    {
        string large = new('x', 1_000_000);
        await StartAsync(protocol, isTls: false, isDirect, large);
        using HttpClient client = NewClient(protocol);
        using Stream body = await OpenAsync(client);
        (string text, bool isBroken) = await ReadAsync(body, pause: TimeSpan.FromMilliseconds(10)); // The slowness that is to be tested.
        Assert.EndsWith($"data: {large}\n\n", text, StringComparison.Ordinal);
        Assert.True(isBroken);
    }

    public async ValueTask DisposeAsync()
    {
        if (_app is not null)
        {
            await _app.DisposeAsync();
        }
    }

    private async Task StartAsync(HttpProtocols protocol, bool isTls, bool isDirect, string lastEvent)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddServerSentEvents(options => options.WriteTimeout = s_limit); // Slowness is for the client, and not for a busy machine.
        if (isDirect)
        {
            builder.Services.ConfigureServerForStreams();
        }

        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen =>
        {
            listen.Protocols = protocol;
            if (isTls)
            {
                listen.UseHttps(s_certificate);
            }
        }));
        _app = builder.Build();
        _app.MapGet("/", () => new SseStreamResult<string>((_, _) => BreakingAsync(lastEvent), options: new SseStreamOptions { IsResumable = false }));
        await _app.StartAsync(TestContext.Current.CancellationToken);
    }

    private static async IAsyncEnumerable<SseItem<string>> BreakingAsync(string lastEvent)
    {
        for (int i = 1; i < 5; i++)
        {
            yield return new SseItem<string>($"{i}");
            await Task.Yield();
        }

        yield return new SseItem<string>(lastEvent);
        throw new InvalidOperationException("The model is gone.");
    }

    private static HttpClient NewClient(HttpProtocols protocol) => new(new SocketsHttpHandler
    {
        SslOptions = { RemoteCertificateValidationCallback = (_, given, _, _) => given?.GetCertHashString() == s_certificate.GetCertHashString() },
    })
    {
        DefaultRequestVersion = protocol == HttpProtocols.Http2 ? HttpVersion.Version20 : HttpVersion.Version11,
        DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        Timeout = s_limit,
    };

    private async Task<Stream> OpenAsync(HttpClient client)
    {
        HttpResponseMessage response = await client.GetAsync(_app!.Urls.Single(), HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken);
    }

    private static async Task<(string Text, bool IsBroken)> ReadAsync(Stream body, TimeSpan pause)
    {
        var text = new StringBuilder();
        byte[] buffer = new byte[32 * 1024];
        try
        {
            for (int read; (read = await body.ReadAsync(buffer, TestContext.Current.CancellationToken).AsTask().WaitAsync(s_limit)) > 0;)
            {
                text.Append(Encoding.UTF8.GetString(buffer, 0, read));
                await Task.Delay(pause, TestContext.Current.CancellationToken);
            }

            return (text.ToString(), false);
        }
        catch (IOException)
        {
            return (text.ToString(), true);
        }
    }
}
