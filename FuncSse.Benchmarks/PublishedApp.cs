using System.Diagnostics;
using System.Runtime.InteropServices;

namespace FuncSse.Benchmarks;

/// <summary>How an app is published.</summary>
internal enum PublishKind
{
    /// <summary>All of its own code is compiled as it runs.</summary>
    Jit,

    /// <summary>Its own code is compiled ahead; the framework's always is.</summary>
    ReadyToRun,

    /// <summary>One native program.</summary>
    Aot,
}

/// <summary>An app in a folder, ready to start.</summary>
internal sealed record PublishedApp(string Name, PublishKind Kind, string Program)
{
    public string Title => $"{Name}, {Kind switch { PublishKind.Jit => "JIT", PublishKind.Aot => "AOT", _ => "ReadyToRun" }}";

    /// <returns>null, with the reason, where this machine cannot publish it so.</returns>
    public static PublishedApp? TryPublish(
        string name, string project, PublishKind kind, string output, BenchmarkOptions options, out string reason)
    {
        string folder = Path.Combine(output, $"{name}-{kind}");
        string[] how = kind switch
        {
            PublishKind.Jit => ["-p:PublishReadyToRun=false", "-p:PublishAot=false"],
            PublishKind.ReadyToRun => ["-p:PublishReadyToRun=true", "-p:PublishAot=false", "--no-self-contained"],
            _ => ["-p:PublishAot=true"],
        };
        ProcessStartInfo command = ServerCatalog.Dotnet(
            "publish", [project, "-c", "Release", "-r", RuntimeInformation.RuntimeIdentifier, "-o", folder, "--nologo", .. how]);
        command.RedirectStandardOutput = true;
        using Process process = Process.Start(command)!;
        string said = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        reason = said.Split('\n').FirstOrDefault(line => line.Contains("error", StringComparison.Ordinal), said).Trim();
        if (process.ExitCode != 0)
        {
            return null;
        }

        string program = Path.Combine(folder, name == "minimal" ? "minimal" : "FuncSse.SelfHost");
        string extension = kind != PublishKind.Aot ? ".dll" : OperatingSystem.IsWindows() ? ".exe" : "";
        return new PublishedApp(name, kind, program + extension);
    }

    public ProcessStartInfo Command(int port)
    {
        string[] arguments = ["--urls", $"http://127.0.0.1:{port}"];
        return Kind == PublishKind.Aot ? new ProcessStartInfo(Program, arguments) : ServerCatalog.Dotnet(Program, arguments);
    }
}
