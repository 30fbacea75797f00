using System.Diagnostics;
using System.Globalization;
using System.Net.ServerSentEvents;
using System.Text.Json;
using System.Text.RegularExpressions;
using FuncSse.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Playwright;

namespace FuncSse.Tests.Clients;

/// <summary>Starts clients in Node, in browsers and in this process, and takes what they tell. It also serves their scripts to the browsers.</summary>
internal sealed partial class ClientServer : IAsyncDisposable
{
    private static readonly string s_scripts = Path.Combine(RepositoryRoot.Path, "FuncSse.Tests", "Clients", "javascript");

    private readonly CancellationTokenSource _stop = new();
    private readonly WebApplication _app;
    private readonly IReadOnlyList<ClientRun> _runs;
    private readonly Browser? _browser;
    private readonly Firefox? _firefox;
    private Process? _node;

    private ClientServer(IReadOnlyList<ClientRun> runs, Browser? browser, Firefox? firefox)
    {
        _runs = runs;
        _browser = browser;
        _firefox = firefox;
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _app = builder.Build();
        _app.MapGet("/", () => Results.Content(File.ReadAllText(Path.Combine(s_scripts, "page.html")), "text/html"));
        _app.MapGet("/frame", (HttpResponse response) =>
        {
            response.Headers.Connection = "close"; // What comes next on the relay's connection is for the other server.
            return Results.Content(File.ReadAllText(Path.Combine(s_scripts, "frame.html")), "text/html");
        });
        _app.MapGet("/packages/{**file}", (string file) => Script(Path.Combine(Packages, Path.HasExtension(file) ? file : $"{file}.js")));
        _app.MapGet("/funcsse.js", () => Script(Path.Combine(RepositoryRoot.Path, "static", "funcsse.js")));
        _app.MapGet("/recipes/{number:int}.mjs", (int number) => Results.Text(Recipe(number), "text/javascript"));
        _app.MapGet("/{file}.mjs", (string file) => Script(Path.Combine(s_scripts, $"{file}.mjs")));
        _app.MapGet("/jobs/{place}", (string place) => Results.Text(JsonSerializer.Serialize(Jobs(Enum.Parse<Place>(place, ignoreCase: true)))));
        _app.MapPost("/told/{number:int}", async (int number, HttpRequest request) =>
        {
            using JsonDocument told = await JsonDocument.ParseAsync(request.Body);
            foreach (JsonProperty one in told.RootElement.EnumerateArray().SelectMany(one => one.EnumerateObject()))
            {
                ((Action<string>)(one.Name == "data" ? _runs[number].Add : _runs[number].Ended))(one.Value.GetString()!);
            }
        });
    }

    public static string Packages { get; } = Path.Combine(s_scripts, "node_modules");

    /// <summary>The Node that runs the clients. <c>FUNCSSE_NODE</c> names another than that of the path.</summary>
    public static string Node { get; } = Environment.GetEnvironmentVariable("FUNCSSE_NODE") is { Length: > 0 } node ? node : "node";

    public static void SkipUnlessInstalled() =>
        Assert.SkipUnless(Directory.Exists(Packages), "The clients are not installed. Type `npm ci --prefix FuncSse.Tests/Clients/javascript`.");

    /// <summary>Starts the clients. They run until this is disposed.</summary>
    public static async Task<ClientServer> StartAsync(IReadOnlyList<ClientRun> runs, Browser? browser = null, Firefox? firefox = null)
    {
        SkipUnlessInstalled();
        var server = new ClientServer(runs, browser, firefox);
        await server._app.StartAsync(TestContext.Current.CancellationToken);
        foreach (ClientRun run in runs)
        {
            run.Relay.Pages = new Uri(server._app.Urls.Single()).Port;
        }

        foreach (Place place in runs.Select(run => run.Client.Place).Distinct())
        {
            await server.StartAsync(place);
        }

        return server;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        if (_node is not null)
        {
            _node.Kill();
            await _node.WaitForExitAsync();
            _node.Dispose();
        }

        if (_runs.Any(run => run.Client.Place == Place.Chromium))
        {
            await (await _browser!.OpenTabAsync()).CloseAsync();
        }

        if (_runs.Any(run => run.Client.Place == Place.Firefox))
        {
            await _firefox!.OpenAsync("about:blank");
        }

        await _app.StopAsync(_stop.Token);
        await _app.DisposeAsync();
        _stop.Dispose();
    }

    private static IResult Script(string path) => File.Exists(path) ? Results.Text(File.ReadAllText(path), "text/javascript") : Results.NotFound();

    // The recipes of the document, as they stand there.
    private static string Recipe(int number)
    {
        string document = File.ReadAllText(Path.Combine(RepositoryRoot.Path, "docs", "clients.md"));
        return $"export async function run({{ fetchEventSource, url, prompt, show }}) {{\n{JavaScript().Matches(document)[number].Groups[1].Value}}}\n";
    }

    private async Task StartAsync(Place place)
    {
        string page = $"{_app.Urls.Single()}/?place={place}";
        switch (place)
        {
            case Place.Node:
                _node = Process.Start(new ProcessStartInfo(Node, [Path.Combine(s_scripts, "node.mjs"), _app.Urls.Single()]) { RedirectStandardError = true })!;
                _node.BeginErrorReadLine(); // There are clients that print each error.
                break;
            case Place.Chromium:
                await (await _browser!.OpenTabAsync()).GotoAsync(page, new PageGotoOptions { WaitUntil = WaitUntilState.Commit });
                break;
            case Place.Firefox:
                await _firefox!.OpenAsync(page);
                break;
            case Place.DotNet:
                _ = Task.WhenAll(_runs.Where(run => run.Client.Place == place)
                    .Select(run => run.Client.Adapter == "FuncSse.Client" ? ReadAsync(run, _stop.Token) : ParseAsync(run, _stop.Token)));
                break;
        }
    }

    private IEnumerable<object> Jobs(Place place) =>
        _runs.Index().Where(one => one.Item.Client.Place == place)
            .Select(one => new { number = one.Index, adapter = one.Item.Client.Adapter, url = one.Item.Address });

    private static async Task ReadAsync(ClientRun run, CancellationToken cancellationToken)
    {
        using var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false });
        try
        {
            await foreach (SseItem<string> item in new SseClient(http).ReadAsync(run.Address, cancellationToken: cancellationToken))
            {
                if (item.EventType == "message")
                {
                    run.Add(item.Data);
                }
            }

            run.Ended("204");
        }
        catch (SseRefusedException refused)
        {
            run.Ended(((int)refused.StatusCode!).ToString(CultureInfo.InvariantCulture));
        }
    }

    // It resumes after the last event that came whole. The last event id of the parser may be that of one that did not.
    private static async Task ParseAsync(ClientRun run, CancellationToken cancellationToken)
    {
        using var client = new HttpClient();
        string? lastEventId = null;
        TimeSpan wait = TimeSpan.FromSeconds(1);
        while (!cancellationToken.IsCancellationRequested)
        {
            SseParser<string>? parser = null;
            try
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, run.Address);
                request.Headers.TryAddWithoutValidation("Last-Event-ID", lastEventId);
                using HttpResponseMessage response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
                if ((int)response.StatusCode is 204 or (>= 400 and < 500))
                {
                    run.Ended(((int)response.StatusCode).ToString(CultureInfo.InvariantCulture));
                    return;
                }

                response.EnsureSuccessStatusCode();
                parser = SseParser.Create(await response.Content.ReadAsStreamAsync(cancellationToken));
                await foreach (SseItem<string> item in parser.EnumerateAsync(cancellationToken))
                {
                    lastEventId = item.EventId ?? lastEventId;
                    if (item.EventType == "message")
                    {
                        run.Add(item.Data);
                    }
                }
            }
            catch (Exception exception) when (exception is HttpRequestException or IOException)
            {
                // The connection broke or could not be made.
            }

            wait = parser?.ReconnectionInterval is { Ticks: >= 0 } retry ? retry : wait; // It comes also without an event.
            await Task.Delay(wait, cancellationToken).ContinueWith(_ => { }, TaskScheduler.Default);
        }
    }

    [GeneratedRegex("```js\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex JavaScript();
}
