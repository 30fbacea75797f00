using System.Diagnostics;
using System.Net;
using System.Runtime.InteropServices;
using FuncSse.Tests;

namespace FuncSse.Benchmarks;

/// <summary>From the start of the process to the first byte of an answer: the self-host, compared with a minimal ASP.NET Core app.</summary>
internal static class StartBenchmark
{
    private const string SelfHost = "FuncSse.SelfHost";
    private const string Minimal = "minimal";

    /// <summary>An app, and how it is published.</summary>
    private sealed record App(string Name, string Kind, params string[] Arguments)
    {
        public override string ToString() => $"{Name}, {Kind}";
    }

    public static Task RunAsync(Options options)
    {
        string output = Directory.CreateTempSubdirectory("funcsse-benchmarks-").FullName;
        try
        {
            App[] apps =
            [
                new(SelfHost, "JIT", "-p:PublishReadyToRun=false", "-p:PublishAot=false"),
                new(SelfHost, "ReadyToRun", "-p:PublishReadyToRun=true", "-p:PublishAot=false", "--no-self-contained"),
                new(SelfHost, "ahead of time", "-p:PublishAot=true"),
            ];
            apps = [.. apps, .. apps.Select(app => app with { Name = Minimal })];
            Array.ForEach(apps, app => Publish(app, output));
            var rounds = new Rounds<App>(apps, options.Rounds, app => Measure(app, output), warmUps: 1);
            rounds.Print("from the start of the process to the first byte", new Ratio<App>("ms", "÷ minimal", app => app with { Name = Minimal }));
            return Task.CompletedTask;
        }
        finally
        {
            Directory.Delete(output, recursive: true);
        }
    }

    private static void Publish(App app, string output)
    {
        Progress.Show($"publish {app}");
        string project = app.Name == Minimal
            ? Path.Combine(AppContext.BaseDirectory, "Peers", "minimal.cs")
            : Path.Combine(RepositoryRoot.Path, SelfHost);
        string[] arguments = ["publish", project, "-c", "Release", "-r", RuntimeInformation.RuntimeIdentifier, "-o", Path.Combine(output, app.ToString()), "--nologo"];
        ServerProcess.Run(new ProcessStartInfo("dotnet", [.. arguments, .. app.Arguments]));
    }

    private static OrderedDictionary<string, double> Measure(App app, string output)
    {
        string program = Path.Combine(Path.Combine(output, app.ToString()), app.Name);
        var address = new IPEndPoint(IPAddress.Loopback, FreePort.Find());
        ProcessStartInfo command = File.Exists($"{program}.dll")
            ? ServerProcess.Dotnet($"{program}.dll", "--urls", $"http://{address}")
            : new ProcessStartInfo(program, ["--urls", $"http://{address}"]);
        long start = Stopwatch.GetTimestamp();
        using ServerProcess server = ServerProcess.Start(command, address);
        return new() { ["ms"] = Stopwatch.GetElapsedTime(start).TotalMilliseconds };
    }
}
