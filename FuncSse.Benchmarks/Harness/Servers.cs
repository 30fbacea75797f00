using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using FuncSse.Tests;

namespace FuncSse.Benchmarks;

/// <summary>
/// The servers that are compared, and how each is started. Those of the counter serve <c>GET /events</c>; those of topics take
/// <c>POST /topics/x</c> and stream <c>GET /topics/x</c>. docs/benchmarks.md describes each.
/// </summary>
internal static partial class Servers
{
    // Packages of others are installed outside the repository.
    private static readonly string s_folder = Path.Combine(Path.GetTempPath(), "funcsse-benchmarks");

    /// <summary>Starts a server, or finds the process of one that already runs.</summary>
    /// <param name="name">One of the names, <c>funcsse@PATH</c>, or <c>PID@http://127.0.0.1:PORT</c>.</param>
    /// <param name="settings">Environment variables.</param>
    /// <param name="probe">Measures its managed allocation.</param>
    /// <exception cref="BenchmarkException">It cannot be started.</exception>
    public static ServerProcess Start(string name, IEnumerable<(string Name, string Value)>? settings = null, AllocationProbe? probe = null)
    {
        if (Running().Match(name) is { Success: true } running)
        {
            int id = int.Parse(running.Groups[1].ValueSpan, CultureInfo.InvariantCulture);
            return ServerProcess.Find(id, IPEndPoint.Parse(running.Groups[2].ValueSpan));
        }

        if (name == "nchan")
        {
            return StartNchan();
        }

        ProcessStartInfo command = name switch
        {
            "funcsse" or "topic" => SelfHost(Path.Combine(
                AppContext.BaseDirectory.Replace("FuncSse.Benchmarks", "FuncSse.SelfHost", StringComparison.Ordinal), "FuncSse.SelfHost.dll")),
            _ when name.StartsWith("funcsse@", StringComparison.Ordinal) => SelfHost(Path.GetFullPath(name["funcsse@".Length..])),
            "express" => Express(),
            _ => ChildProcesses.Command(name),
        };
        foreach ((string variable, string value) in settings ?? [])
        {
            command.Environment[variable] = value;
        }

        probe?.Attach(command);
        return ServerProcess.Start(command);
    }

    // In the Development environment, this machine may publish without a key.
    private static ProcessStartInfo SelfHost(string assembly) =>
        ServerProcess.Dotnet(assembly, "--urls", "http://127.0.0.1:0", "--environment", "Development");

    private static ProcessStartInfo Express()
    {
        CopyPeer("package.json");
        CopyPeer("express.mjs");
        ServerProcess.Run(new ProcessStartInfo("npm", ["install", "--no-package-lock", "--no-audit", "--no-fund"]) { WorkingDirectory = s_folder });
        return new ProcessStartInfo("node", ["express.mjs"]) { WorkingDirectory = s_folder, Environment = { ["NODE_ENV"] = "production" } };
    }

    // As Debian's nginx-light and libnginx-mod-nchan install it. A worker of root's must be root to write to its folder.
    private static ServerProcess StartNchan()
    {
        string file = CopyPeer("nchan.conf");
        var address = new IPEndPoint(IPAddress.Loopback, FreePort.Find());
        File.WriteAllText(file, File.ReadAllText(file).Replace("PORT", $"{address.Port}", StringComparison.Ordinal));
        string[] arguments = ["-e", "stderr", "-p", s_folder, "-c", file, .. Environment.IsPrivilegedProcess ? ["-g", "user root;"] : Array.Empty<string>()];
        return ServerProcess.Start(new ProcessStartInfo("/usr/sbin/nginx", arguments), address);
    }

    private static string CopyPeer(string file)
    {
        Directory.CreateDirectory(s_folder);
        string copy = Path.Combine(s_folder, file);
        File.Copy(Path.Combine(AppContext.BaseDirectory, "Peers", file), copy, overwrite: true);
        return copy;
    }

    [GeneratedRegex(@"^(\d{1,9})@http://(127\.0\.0\.1:\d{1,5})$")]
    private static partial Regex Running();
}
