using System.Diagnostics;
using System.Globalization;
using System.Net;

namespace FuncSse.Tests;

/// <summary>
/// A real Azurite in a process of its own, with its data in a temporary folder. It is installed from its lock file where it is missing. It
/// listens on a free port, and on the same port when it is started again. It uses no xunit, so that the benchmarks share this file.
/// </summary>
/// <param name="onRequest">Is called with each line of the access log, if it is given.</param>
internal sealed class AzuriteServer(Action<string>? onRequest = null) : IAsyncDisposable
{
    // The account of every Azurite and of its documentation: no secret.
    private const string Account =
        "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey="
        + "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;";

    private static readonly string s_folder = Path.Combine(RepositoryRoot.Path, "FuncSse.Tests", "Support", "Servers", "Azurite");
    private static readonly SemaphoreSlim s_install = new(1);
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(5);

    private readonly DirectoryInfo _data = Directory.CreateTempSubdirectory("funcsse-azurite-");
    private Process? _process;
    private int _port;

    public string ConnectionString => $"{Account}BlobEndpoint=http://{IPAddress.Loopback}:{_port}/devstoreaccount1;";

    /// <summary>Returns when it listens.</summary>
    /// <exception cref="InvalidOperationException">It cannot be installed or started.</exception>
    public async Task StartAsync()
    {
        await InstallAsync();
        string main = Path.Combine(s_folder, "node_modules", "azurite", "dist", "src", "blob", "main.js");
        string[] arguments =
        [
            main, "--blobHost", "127.0.0.1", "--blobPort", _port.ToString(CultureInfo.InvariantCulture), "--location", _data.FullName,
            "--disableTelemetry", .. onRequest is null ? ["--silent"] : Array.Empty<string>(),
        ];
        var listening = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        _process = new Process { StartInfo = new ProcessStartInfo("node", arguments) { RedirectStandardOutput = true } };
        _process.OutputDataReceived += (_, output) =>
        {
            if (output.Data is not { } line)
            {
                listening.TrySetException(new InvalidOperationException("Azurite ended before it listened."));
            }
            else if (line.Contains("successfully listens on", StringComparison.Ordinal))
            {
                listening.TrySetResult(int.Parse(line.Split(':')[^1], CultureInfo.InvariantCulture));
            }
            else
            {
                onRequest?.Invoke(line);
            }
        };
        _process.Start();
        _process.BeginOutputReadLine();
        _port = await listening.Task.WaitAsync(s_limit);
    }

    /// <summary>Stops it as an operator does (SIGTERM): it writes all data to its folder first.</summary>
    public async Task StopAsync()
    {
        using Process kill = Process.Start("kill", ["-TERM", $"{_process!.Id}"]);
        await kill.WaitForExitAsync().WaitAsync(s_limit);
        await WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            _process.Kill();
            await WaitForExitAsync();
        }

        _data.Delete(recursive: true);
    }

    private async Task WaitForExitAsync()
    {
        await _process!.WaitForExitAsync().WaitAsync(s_limit);
        _process.Dispose();
        _process = null;
    }

    private static async Task InstallAsync()
    {
        await s_install.WaitAsync(s_limit);
        try
        {
            if (!Directory.Exists(Path.Combine(s_folder, "node_modules", "azurite")))
            {
                var start = new ProcessStartInfo("npm", ["ci", "--no-audit", "--no-fund"]) { WorkingDirectory = s_folder, RedirectStandardOutput = true };
                using Process npm = Process.Start(start)!;
                string output = await npm.StandardOutput.ReadToEndAsync().WaitAsync(s_limit);
                await npm.WaitForExitAsync().WaitAsync(s_limit);
                if (npm.ExitCode != 0)
                {
                    throw new InvalidOperationException($"npm cannot install Azurite: {output}");
                }
            }
        }
        finally
        {
            s_install.Release();
        }
    }
}
