using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using FuncSse.Topics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace FuncSse.Tests;

/// <summary>
/// Serves the browser module and the scenarios that try it (<c>browser/scenarios.js</c>), the streams that these ask for, and takes what
/// they report. A browser needs no remote control for them: it opens a page.
/// </summary>
internal sealed class ScenarioServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentQueue<string> _requests = new();
    private readonly TaskCompletionSource<string> _report = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _answered;
    private int _open;
    private FaultyProxy _proxy = null!;

    private ScenarioServer(WebApplication app) => _app = app;

    /// <summary>What the scenario said when it was through: <c>passed</c>, or what went wrong.</summary>
    public Task<string> Report => _report.Task.WaitAsync(TimeSpan.FromSeconds(90), TestContext.Current.CancellationToken);

    public string PageOf(string scenario) => $"{_app.Urls.Single()}/?scenario={scenario}&proxy={_proxy.Port}";

    public static async Task<ScenarioServer> StartAsync()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddTopics(options => options.PublishKey = ["key"]);
        WebApplication app = builder.Build();
        var server = new ScenarioServer(app);
        app.MapGet("/", () => Results.Content("<!DOCTYPE html><script type=module src=/scenarios.js></script>", "text/html"));
        app.MapGet("/scenarios.js", () => File(Path.Combine(Folder(), "scenarios.js")));
        app.MapGet("/funcsse.js", () => File(Path.Combine(RepositoryRoot.Path, "static", "funcsse.js")));
        app.MapGet("/control", server.Control);
        app.MapGet("/requests", () => Results.Text(JsonSerializer.Serialize(server._requests)));
        app.MapGet("/open", () => Volatile.Read(ref server._open));
        app.MapPost("/report", async (HttpRequest request) => server._report.TrySetResult(await new StreamReader(request.Body).ReadToEndAsync()));
        app.MapMethods("/stream", ["GET", "HEAD"], server.StreamAsync);
        app.MapPost("/echo", EchoAsync);
        app.MapTopics("/topics");
        await app.StartAsync(TestContext.Current.CancellationToken);
        server._proxy = new FaultyProxy(new Uri(app.Urls.Single()).Port);
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        await _proxy.DisposeAsync();
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
    }

    /// <summary>Where the scripts of these tests stand, and the packages that some of them need.</summary>
    public static string Folder() => Path.Combine(RepositoryRoot.Path, "FuncSse.Tests", "Pages", "browser");

    private static IResult File(string path) => Results.Text(System.IO.File.ReadAllText(path), "text/javascript");

    private void Control(string proxy) => ((Action)(proxy switch
    {
        "swallow" => _proxy.Swallow,
        "refuse" => _proxy.Refuse,
        _ => _proxy.Listen,
    }))();

    // A counter: its ids go on after the last event id. What else it does stands in the query.
    private async Task StreamAsync(HttpContext http)
    {
        IQueryCollection query = http.Request.Query;
        int Number(string name) => int.TryParse(query[name], NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : 0;
        string? seen = (string?)http.Request.Headers["Last-Event-ID"] ?? query["lastEventId"];
        if (http.Request.Method == "GET")
        {
            _requests.Enqueue($"after {seen} with {query["access_token"]}");
        }

        FeedServer.Open(http);
        int failures = Number("failures");
        int request = http.Request.Method == "GET" ? Interlocked.Increment(ref _answered) : _answered;
        if (http.Request.Method == "HEAD" && Number("head") is > 0 and int head)
        {
            http.Response.StatusCode = head;
            return;
        }

        if (http.Request.Method == "GET" && request == Number("hang"))
        {
            await Task.Delay(Timeout.Infinite, http.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
            return;
        }

        bool wrongTicket = query.ContainsKey("ticket") && query["access_token"] != query["ticket"];
        if (wrongTicket || (Number("status") > 0 && (failures == 0 || request <= failures)))
        {
            http.Response.StatusCode = wrongTicket ? 401 : Number("status");
            http.Response.ContentType = http.Response.StatusCode == 204 ? null : "text/plain";
            return;
        }

        if (http.Request.Method == "HEAD")
        {
            return;
        }

        if (query.ContainsKey("values"))
        {
            await http.Response.WriteAsJsonAsync(new { position = "p", values = Array.Empty<string>() });
            return;
        }

        async Task SendAsync(string frames) => await http.Response.WriteAsync(frames, http.RequestAborted);
        await SendAsync("retry: 100\n\n:\n\n");
        if (query["first"] is [{ } first] && request == Math.Max(1, Number("number")))
        {
            await SendAsync(first);
        }

        Interlocked.Increment(ref _open);
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(Number("every") is > 0 and int every ? every : 30));
        int id = int.TryParse(seen, CultureInfo.InvariantCulture, out int last) ? last : 0;
        int end = Number("length") is > 0 and int length ? id + length : int.MaxValue;
        try
        {
            while (id < end && await timer.WaitForNextTickAsync(http.RequestAborted))
            {
                id++;
                await SendAsync(query["quiet"] == "silent" ? ":\n\n" : query.ContainsKey("quiet") ? "event: keep-alive\ndata: {}\n\n" : $"data: {id}\nid: {id}\n\n");
            }
        }
        catch (OperationCanceledException)
        {
            // The client left.
        }
        finally
        {
            Interlocked.Decrement(ref _open);
        }
    }

    // Answers with the body as an event stream, in pieces of some bytes; it breaks the connection in the end where it is asked to.
    private static async Task EchoAsync(HttpContext http)
    {
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body, http.RequestAborted);
        http.Response.ContentType = "text/event-stream";
        foreach (byte[] piece in body.ToArray().Chunk(int.Parse(http.Request.Query["piece"]!, CultureInfo.InvariantCulture)))
        {
            await http.Response.Body.WriteAsync(piece, http.RequestAborted);
            await http.Response.Body.FlushAsync(http.RequestAborted);
        }

        switch (http.Request.Query["end"])
        {
            case "cut":
                await Task.Delay(100, http.RequestAborted);
                http.Abort();
                break;
            case "never":
                await Task.Delay(Timeout.Infinite, http.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
                break;
        }
    }
}
