using System.Diagnostics;

namespace FuncSse.Benchmarks;

/// <summary>Reads how much a server on .NET has allocated. <see cref="StartupHook"/> writes it to a file.</summary>
internal sealed class AllocationProbe : IDisposable
{
    private readonly string _file = Path.GetTempFileName();

    /// <summary>Managed bytes since the server began, 20 ms old at most; 0 if it does not run on .NET.</summary>
    public long Bytes => File.ReadAllBytes(_file) is { Length: > 0 } bytes ? BitConverter.ToInt64(bytes) : 0;

    /// <summary>Makes the server write, once it has started.</summary>
    public void Attach(ProcessStartInfo command)
    {
        command.Environment["DOTNET_STARTUP_HOOKS"] = typeof(StartupHook).Assembly.Location;
        command.Environment[StartupHook.FileVariable] = _file;
    }

    public void Dispose() => File.Delete(_file);
}
