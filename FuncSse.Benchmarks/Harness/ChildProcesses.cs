using System.Diagnostics;

namespace FuncSse.Benchmarks;

/// <summary>The roles in which the benchmark starts itself again, so that a server and its client share no process.</summary>
internal static class ChildProcesses
{
    /// <summary>The first argument of such a process. The usage does not list it.</summary>
    public const string Verb = "child";

    public static ProcessStartInfo Command(string role) => ServerProcess.Dotnet(typeof(ChildProcesses).Assembly.Location, Verb, role);

    /// <summary>Runs until the process is killed.</summary>
    public static Task RunAsync(string role) => role switch
    {
        "floor" => Floor.RunAsync(isCounter: true),
        "topic-floor" => Floor.RunAsync(isCounter: false),
        "kestrel" => ServeAsync(KestrelFloor.Map),
        "typed" => ServeAsync(TypedCounter.Map),
        "hand" => ServeAsync(HandWrittenTopics.Map),
        "signalr" => ServeAsync(SignalRServer.Map, SignalRServer.Configure),
        "answers" => ServeAsync(AnswersBenchmark.Map, AnswersBenchmark.Add),
        "replay" => ServeAsync(ClientBenchmark.Map, ClientBenchmark.Add),
        _ => throw new BenchmarkException($"There is no server '{role}'."),
    };

    private static Task ServeAsync(Action<WebApplication> map, Action<WebApplicationBuilder>? configure = null)
    {
        WebApplicationBuilder builder = WebApplication.CreateBuilder(["--urls", "http://127.0.0.1:0"]);

        // The web template's appsettings.json says the same: no log line for each request.
        builder.Logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning);
        configure?.Invoke(builder);
        WebApplication app = builder.Build();
        map(app);
        return app.RunAsync();
    }
}
