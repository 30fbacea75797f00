using System.Diagnostics;

namespace FuncSse.Benchmarks;

/// <summary>The servers that are compared, and how each is started. Each prints its address as it starts to listen.</summary>
internal static class ServerCatalog
{
    public static readonly string[] Names = ["floor", "funcsse", "typed", "typed-periodic", "pipe", "express"];

    private const string OtherBuild = "funcsse@";

    public static bool IsKnown(string name) => Names.Contains(name) || name.StartsWith(OtherBuild, StringComparison.Ordinal);

    /// <summary>Whether its managed allocation can be asked for.</summary>
    public static bool IsManaged(string name) => name != "express";

    public static string Title(string name) => name switch
    {
        "floor" => "the floor: one thread, one send() an event",
        "funcsse" => "**FuncSse** (self-host)",
        "typed" => "`TypedResults.ServerSentEvents`, `Task.Delay`",
        "typed-periodic" => "`TypedResults.ServerSentEvents`, a `PeriodicTimer` a stream",
        "pipe" => "a loop over `BodyWriter`, a `PeriodicTimer` a stream",
        "express" => "Express",
        _ => $"FuncSse ({name[OtherBuild.Length..]})",
    };

    /// <exception cref="BenchmarkException">The self-host is not built.</exception>
    public static ProcessStartInfo Command(string name, BenchmarkOptions options)
    {
        ProcessStartInfo command = name switch
        {
            "funcsse" => SelfHost(BuiltBeside()),
            _ when name.StartsWith(OtherBuild, StringComparison.Ordinal) => SelfHost(name[OtherBuild.Length..]),
            "express" => new ProcessStartInfo("node", ["express.mjs"]) { WorkingDirectory = ExpressPackage.Directory },
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
