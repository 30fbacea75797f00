using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;

namespace FuncSse.Benchmarks;

/// <summary>The servers that are compared, and how each is started. Each prints its address as it starts to listen.</summary>
internal static partial class ServerCatalog
{
    public static readonly string[] Names = ["floor", "kestrel", "funcsse", "typed", "typed-periodic", "pipe", "express"];

    /// <summary>The same with a timer a stream, and data that is JSON.</summary>
    public static readonly string[] JsonNames = ["funcsse-json", "typed-json"];

    private const string OtherBuild = "funcsse@";

    public static bool IsKnown(string name) =>
        Names.Contains(name) || JsonNames.Contains(name) || name.StartsWith(OtherBuild, StringComparison.Ordinal) || Running().IsMatch(name);

    /// <summary>Whether its managed allocation can be asked for.</summary>
    public static bool IsManaged(string name) => name != "express" && !Running().IsMatch(name);

    public static string Title(string name) => name switch
    {
        "floor" => "the floor: one thread, one send() an event",
        "kestrel" => "the least on Kestrel: one thread that writes to all",
        "funcsse" => "**FuncSse** (self-host)",
        "typed" => "`TypedResults.ServerSentEvents`, `Task.Delay`",
        "typed-periodic" => "`TypedResults.ServerSentEvents`, a `PeriodicTimer` a stream",
        "pipe" => "a loop over `BodyWriter`, a `PeriodicTimer` a stream",
        "funcsse-json" => "**FuncSse**, JSON, a `PeriodicTimer` a stream",
        "typed-json" => "`TypedResults.ServerSentEvents`, JSON, a `PeriodicTimer` a stream",
        "express" => "Express",
        _ when Running().IsMatch(name) => name,
        _ => $"FuncSse ({name[OtherBuild.Length..]})",
    };

    /// <summary>Starts a server, or finds the process of one that runs already and is left to run.</summary>
    /// <exception cref="BenchmarkException">It cannot be started, or there is no such process.</exception>
    public static ServerProcess Start(string name, BenchmarkOptions options) => Running().Match(name) is { Success: true } running
        ? ServerProcess.Find(int.Parse(running.Groups[1].ValueSpan, CultureInfo.InvariantCulture), IPEndPoint.Parse(running.Groups[2].ValueSpan))
        : ServerProcess.Start(Command(name, options));

    /// <exception cref="BenchmarkException">The self-host is not built.</exception>
    public static ProcessStartInfo Command(string name, BenchmarkOptions options)
    {
        ProcessStartInfo command = name switch
        {
            "funcsse" => SelfHost(BuiltBeside()),
            _ when name.StartsWith(OtherBuild, StringComparison.Ordinal) => SelfHost(name[OtherBuild.Length..]),
            "express" => new ProcessStartInfo("node", ["express.mjs"]) { WorkingDirectory = NodePackages.Directory },
            _ => Dotnet(typeof(ServerCatalog).Assembly.Location, "serve", name),
        };
        command.Environment["NODE_ENV"] = "production";
        foreach (string variable in LoadClient.SocketSettings.Keys)
        {
            command.Environment.Remove(variable);
        }

        foreach ((string variable, string value) in options.Environment)
        {
            command.Environment[variable] = value;
        }

        return command;
    }

    /// <summary>The same way for all that runs on .NET, so that no start-up file differs.</summary>
    public static ProcessStartInfo Dotnet(string assembly, params string[] arguments) =>
        new(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", [assembly, .. arguments])
        {
            WorkingDirectory = Path.GetDirectoryName(assembly),
        };

    [GeneratedRegex(@"^(\d{1,9})@http://(127\.0\.0\.1:\d{1,5})$")]
    private static partial Regex Running();

    private static ProcessStartInfo SelfHost(string assembly) => File.Exists(assembly)
        ? Dotnet(Path.GetFullPath(assembly), "--urls", "http://127.0.0.1:0")
        : throw new BenchmarkException($"The self-host is not built: there is no {assembly}.");

    private static string BuiltBeside()
    {
        // …/FuncSse.Benchmarks/bin/Release/net10.0/
        string output = Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory);
        string framework = Path.GetFileName(output);
        string configuration = Path.GetFileName(Path.GetDirectoryName(output)!);
        return Path.GetFullPath(Path.Combine(output, "../../../../FuncSse.SelfHost/bin", configuration, framework, "FuncSse.SelfHost.dll"));
    }
}
