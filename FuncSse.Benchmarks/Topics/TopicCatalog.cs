using System.Diagnostics;

namespace FuncSse.Benchmarks;

/// <summary>The servers of topics that are compared. Each takes <c>POST /topics/x</c> and streams <c>GET /topics/x</c>.</summary>
internal static class TopicCatalog
{
    public static readonly string[] Names = ["funcsse", "hand", "nchan", "floor", "better-sse"];

    private const string OtherBuild = "funcsse@";

    public static bool IsKnown(string name) => Names.Contains(name) || name.StartsWith(OtherBuild, StringComparison.Ordinal);

    public static string Title(string name) => name switch
    {
        "funcsse" => "**FuncSse** (self-host, log in memory)",
        "hand" => "`TypedResults.ServerSentEvents` over a `Channel` a subscriber",
        "nchan" => "nchan, one worker",
        "floor" => "the floor: one thread, one `send()` a subscriber",
        "better-sse" => "better-sse",
        _ => $"FuncSse ({name[OtherBuild.Length..]})",
    };

    /// <returns>The servers that can run here. A line says which cannot, and why.</returns>
    public static string[] Installed(IEnumerable<string> names)
    {
        var installed = new List<string>();
        foreach (string name in names)
        {
            string? reason = name switch
            {
                "better-sse" => NodePackages.Install(),
                "nchan" => Nchan.Missing(),
                _ => null,
            };
            if (reason is null)
            {
                installed.Add(name);
            }
            else
            {
                Console.Error.WriteLine($"{name} is left out: {reason}.");
            }
        }

        return [.. installed];
    }

    public static ServerProcess Start(string name, BenchmarkOptions options) =>
        name == "nchan" ? Nchan.Start() : ServerProcess.Start(Command(name, options));

    public static ProcessStartInfo Command(string name, BenchmarkOptions options, params IEnumerable<(string Name, string Value)> settings)
    {
        ProcessStartInfo command = name switch
        {
            "hand" or "floor" or "signalr" => ServerCatalog.Dotnet(typeof(TopicCatalog).Assembly.Location, "serve-topics", name),
            "better-sse" => new ProcessStartInfo("node", ["better-sse.mjs"]) { WorkingDirectory = NodePackages.Directory },
            _ => ServerCatalog.Command(name, options),
        };
        command.Environment["NODE_ENV"] = "production";
        foreach (string variable in LoadClient.SocketSettings.Keys)
        {
            command.Environment.Remove(variable);
        }

        foreach ((string variable, string value) in options.Environment.Select(pair => (pair.Key, pair.Value)).Concat(settings))
        {
            command.Environment[variable] = value;
        }

        return command;
    }
}
