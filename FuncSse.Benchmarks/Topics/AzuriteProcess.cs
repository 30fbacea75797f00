using System.Diagnostics;
using System.Globalization;
using System.Net;

namespace FuncSse.Benchmarks;

/// <summary>A real Azurite, the one that the tests pin, with its data in a temporary folder.</summary>
internal sealed class AzuriteProcess : IDisposable
{
    // The account of every Azurite and of its documentation: no secret.
    private const string Account =
        "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey="
        + "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;";

    private static readonly string s_folder = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../../../FuncSse.Tests/Support/Azurite"));
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    private readonly DirectoryInfo _data = Directory.CreateTempSubdirectory("funcsse-azurite-");
    private readonly Process _process;
    private readonly IPEndPoint _address = ServerProcess.FreeAddress();
    private int _reads;

    /// <exception cref="BenchmarkException">It cannot be restored or started.</exception>
    public AzuriteProcess()
    {
        if (!Directory.Exists(Path.Combine(s_folder, "node_modules", "azurite"))
            && NodePackages.RunQuietly(s_folder, NodePackages.Npm, "ci", "--no-audit", "--no-fund") is { } reason)
        {
            throw new BenchmarkException($"Azurite cannot be restored: {reason}");
        }

        string main = Path.Combine(s_folder, "node_modules", "azurite", "dist", "src", "blob", "main.js");
        string[] arguments = [main, "--blobHost", "127.0.0.1", "--blobPort", _address.Port.ToString(CultureInfo.InvariantCulture)];
        _process = Process.Start(new ProcessStartInfo("node", [.. arguments, "--location", _data.FullName, "--disableTelemetry"])
        {
            RedirectStandardOutput = true,
        })!;

        // Its access log: a line a request.
        _process.OutputDataReceived += (_, line) => _reads += line.Data?.Contains("\"GET ", StringComparison.Ordinal) == true ? 1 : 0;
        _process.BeginOutputReadLine();
        long start = Stopwatch.GetTimestamp();
        while (!ServerProcess.IsOpen(_address))
        {
            if (_process.HasExited || Stopwatch.GetElapsedTime(start) > s_limit)
            {
                Dispose();
                throw new BenchmarkException("Azurite does not listen.");
            }

            Thread.Sleep(50);
        }
    }

    /// <summary>How often something was read from it.</summary>
    public int Reads => _reads;

    /// <summary>The settings of a self-host whose topics are here.</summary>
    public IEnumerable<(string Name, string Value)> Settings =>
    [
        ("Topics__Log", "storage"),
        ("AzureWebJobsStorage", $"{Account}BlobEndpoint=http://{_address}/devstoreaccount1;"),
    ];

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
        }

        _process.Dispose();
        _data.Delete(recursive: true);
    }
}
