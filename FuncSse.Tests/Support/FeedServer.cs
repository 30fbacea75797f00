using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace FuncSse.Tests;

/// <summary>A server beside the self-host, on another origin, for what the self-host would never send.</summary>
internal sealed class FeedServer : IAsyncDisposable
{
    private readonly WebApplication _app;

    private FeedServer(WebApplication app) => _app = app;

    public string Address => $"{_app.Urls.Single()}/feed";

    public static async Task<FeedServer> StartAsync(RequestDelegate answer)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        WebApplication app = builder.Build();
        app.Run(answer);
        await app.StartAsync(TestContext.Current.CancellationToken);
        return new FeedServer(app);
    }

    /// <summary>Sends frames to every client, then keeps the stream open and silent.</summary>
    public static Task<FeedServer> StartAsync(params string[] frames) => StartAsync(async http =>
    {
        Open(http);
        if (HttpMethods.IsHead(http.Request.Method))
        {
            return; // An endless HEAD would hold up what comes next on its connection.
        }

        foreach (string frame in frames)
        {
            await http.Response.WriteAsync(frame, http.RequestAborted);
        }

        await Task.Delay(Timeout.Infinite, http.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
    });

    public static void Open(HttpContext http)
    {
        http.Response.ContentType = "text/event-stream";
        http.Response.Headers.AccessControlAllowOrigin = "*";
    }

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _app.StopAsync(now.Token); // open streams are cut, not waited for
        await _app.DisposeAsync();
    }
}
