using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using FuncSse.Streaming;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;

namespace FuncSse.Tests;

/// <summary>Runs the app's side of <see cref="FuzzProgram"/> on Kestrel, with its own transport or the direct one.</summary>
internal sealed class FuzzServer : IAsyncDisposable
{
    private readonly ConcurrentDictionary<int, FuzzOutcome> _outcomes = new();
    private readonly FakeLogCollector _logs = new();
    private readonly WebApplication _app;

    private FuzzServer(X509Certificate2 certificate, bool isDirect)
    {
        IsDirect = isDirect;
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new());
        builder.Logging.AddProvider(new FakeLoggerProvider(_logs)).SetMinimumLevel(LogLevel.Error);
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MinResponseDataRate = null;
            foreach (HttpProtocols protocol in (HttpProtocols[])[HttpProtocols.Http1, HttpProtocols.Http2])
            {
                kestrel.Listen(IPAddress.Loopback, 0, listen => Listen(listen, protocol));
                kestrel.Listen(IPAddress.Loopback, 0, listen => Listen(listen, protocol).UseHttps(certificate));
            }
        });
        if (isDirect)
        {
            builder.Services.AddServerSentEvents().ConfigureServerForStreams();
        }

        _app = builder.Build();
        _app.Run(AnswerAsync);
    }

    public bool IsDirect { get; }

    public static async Task<FuzzServer> StartAsync(X509Certificate2 certificate, bool isDirect)
    {
        var server = new FuzzServer(certificate, isDirect);
        await server._app.StartAsync(TestContext.Current.CancellationToken);
        return server;
    }

    public Uri Address(FuzzProgram program) => new(_app.Urls.ElementAt((program.IsHttp2 ? 2 : 0) + (program.IsEncrypted ? 1 : 0)));

    /// <summary>What the app met, once it has answered.</summary>
    public async Task<FuzzOutcome> OutcomeAsync(FuzzProgram program)
    {
        FuzzOutcome outcome = _outcomes.GetOrAdd(program.Seed, _ => new FuzzOutcome());
        await Eventually.TrueAsync(() => Volatile.Read(ref outcome.Running) == 0);
        return outcome;
    }

    public void AssertQuiet() => Assert.Empty(_logs.GetSnapshot().Select(entry => entry.ToString()));

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private static ListenOptions Listen(ListenOptions listen, HttpProtocols protocol)
    {
        listen.Protocols = protocol;
        listen.Use(next => connection =>
        {
            connection.Features.Get<IConnectionSocketFeature>()!.Socket.SendBufferSize = 4096; // A slow reader is felt soon.
            return next(connection);
        });
        return listen;
    }

    // The path is /seed/index.
    private async Task AnswerAsync(HttpContext http)
    {
        int[] path = [.. http.Request.Path.Value!.Split('/', StringSplitOptions.RemoveEmptyEntries).Select(part => int.Parse(part, CultureInfo.InvariantCulture))];
        FuzzOutcome outcome = _outcomes.GetOrAdd(path[0], _ => new FuzzOutcome());
        Interlocked.Increment(ref outcome.Running);
        try
        {
            await FuzzProgram.Create(path[0]).Requests[path[1]].AnswerAsync(http, outcome);
        }
        finally
        {
            Interlocked.Decrement(ref outcome.Running);
        }
    }
}
