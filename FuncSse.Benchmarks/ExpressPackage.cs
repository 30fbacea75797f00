using System.ComponentModel;
using System.Diagnostics;

namespace FuncSse.Benchmarks;

/// <summary>The Express example's folder, with its package installed: outside the repository, since it is another's code.</summary>
internal static class ExpressPackage
{
    public static string Directory { get; } = Path.Combine(Path.GetTempPath(), "funcsse-benchmarks-express");

    /// <summary>Installs what package.json pins.</summary>
    /// <returns>Why Express cannot run here, or null.</returns>
    public static string? Install()
    {
        System.IO.Directory.CreateDirectory(Directory);
        foreach (string file in (string[])["express.mjs", "package.json"])
        {
            File.Copy(Path.Combine(AppContext.BaseDirectory, file), Path.Combine(Directory, file), overwrite: true);
        }

        return RunQuietly("node", "--version")
            ?? RunQuietly(OperatingSystem.IsWindows() ? "npm.cmd" : "npm", "install", "--no-audit", "--no-fund", "--no-package-lock");
    }

    private static string? RunQuietly(string program, params string[] arguments)
    {
        var command = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = Directory,
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
