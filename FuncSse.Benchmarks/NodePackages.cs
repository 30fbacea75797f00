using System.ComponentModel;
using System.Diagnostics;

namespace FuncSse.Benchmarks;

/// <summary>The folder of the servers on Node, with their packages installed: outside the repository, since those are others' code.</summary>
internal static class NodePackages
{
    public static readonly string Npm = OperatingSystem.IsWindows() ? "npm.cmd" : "npm";

    public static string Directory { get; } = Path.Combine(Path.GetTempPath(), "funcsse-benchmarks-node");

    /// <summary>Installs what package.json pins.</summary>
    /// <returns>Why they cannot run here, or null.</returns>
    public static string? Install()
    {
        System.IO.Directory.CreateDirectory(Directory);
        foreach (string file in (string[])["express.mjs", "better-sse.mjs", "package.json"])
        {
            File.Copy(Path.Combine(AppContext.BaseDirectory, file), Path.Combine(Directory, file), overwrite: true);
        }

        return RunQuietly(Directory, "node", "--version")
            ?? RunQuietly(Directory, Npm, "install", "--no-audit", "--no-fund", "--no-package-lock");
    }

    /// <returns>What went wrong, or null.</returns>
    public static string? RunQuietly(string folder, string program, params string[] arguments)
    {
        var command = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        try
        {
            using Process process = Process.Start(command)!;
            process.OutputDataReceived += static (_, _) => { };
            process.BeginOutputReadLine();
            string errors = process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? null : $"`{program} {arguments[0]}` failed: {errors.Trim()}";
        }
        catch (Win32Exception)
        {
            return $"there is no {program} here";
        }
    }
}
