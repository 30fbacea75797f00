using System.Diagnostics.CodeAnalysis;
using System.IO.MemoryMappedFiles;

/// <summary>
/// Runs inside a server before its Main, and tells the benchmark how much the server has allocated. So the self-host is measured as it is,
/// without an endpoint for it. The runtime requires this name without a namespace (DOTNET_STARTUP_HOOKS).
/// </summary>
[SuppressMessage("Performance", "CA1812", Justification = "The runtime calls it.")]
internal sealed class StartupHook
{
    public const string FileVariable = "FUNCSSE_BENCHMARKS_FILE";

    public static void Initialize() => new Thread(Write) { IsBackground = true }.Start();

    private static void Write()
    {
        // Writing to mapped memory allocates nothing.
        using var file = MemoryMappedFile.CreateFromFile(Environment.GetEnvironmentVariable(FileVariable)!, FileMode.Open, null, sizeof(long));
        using MemoryMappedViewAccessor view = file.CreateViewAccessor();
        for (; ; Thread.Sleep(20))
        {
            view.Write(0, GC.GetTotalAllocatedBytes());
        }
    }
}
