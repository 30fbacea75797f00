using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace FuncSse.Tests.Topics;

/// <summary>The collection of the tests that share one storage.</summary>
[CollectionDefinition(nameof(Azurite))]
public sealed class AzuriteGroup : ICollectionFixture<Azurite>;

/// <summary>A real Azurite, as a developer has it: restored from the lock file where it is not there yet, on a free port.</summary>
public sealed class Azurite : IAsyncLifetime
{
    // The account of every Azurite and of its documentation: no secret.
    private const string Account =
        "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey="
        + "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;";

    private static readonly string s_folder = Path.Combine(RepositoryRoot.Path, "FuncSse.Tests", "Support", "Azurite");
    private static readonly SemaphoreSlim s_restore = new(1);
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(5);

    private readonly DirectoryInfo _data = Directory.CreateTempSubdirectory("funcsse-azurite-");
    private readonly int _port = FreePort();
    private Process? _process;

    public string ConnectionString => $"{Account}BlobEndpoint=http://127.0.0.1:{_port}/devstoreaccount1;";

    public async ValueTask InitializeAsync()
    {
        await RestoreAsync();
        await StartAsync();
    }

    public async Task StartAsync()
    {
        string main = Path.Combine(s_folder, "node_modules", "azurite", "dist", "src", "blob", "main.js");
        _process = Process.Start(new ProcessStartInfo(
            "node", [main, "--blobHost", "127.0.0.1", "--blobPort", $"{_port}", "--location", _data.FullName, "--silent", "--disableTelemetry"])
        {
            RedirectStandardOutput = true,
        })!;
        await Eventually.TrueAsync(IsOpenAsync, "Azurite listens");
    }

    /// <summary>Stops it as an operator would: what was appended is on the disk.</summary>
    public async Task StopAsync()
    {
        using Process kill = Process.Start("kill", ["-TERM", $"{_process!.Id}"]);
        await kill.WaitForExitAsync().WaitAsync(s_limit);
        await _process.WaitForExitAsync().WaitAsync(s_limit);
        _process.Dispose();
        _process = null;
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            await StopAsync();
        }

        _data.Delete(recursive: true);
    }

    private static async Task RestoreAsync()
    {
        await s_restore.WaitAsync(s_limit);
        try
        {
            if (!Directory.Exists(Path.Combine(s_folder, "node_modules", "azurite")))
            {
                using Process npm = Process.Start(
                    new ProcessStartInfo("npm", ["ci", "--no-audit", "--no-fund"]) { WorkingDirectory = s_folder, RedirectStandardOutput = true })!;
                await npm.StandardOutput.ReadToEndAsync().WaitAsync(s_limit);
                await npm.WaitForExitAsync().WaitAsync(s_limit);
                Assert.Equal(0, npm.ExitCode);
            }
        }
        finally
        {
            s_restore.Release();
        }
    }

    private async Task<bool> IsOpenAsync()
    {
        Assert.False(_process!.HasExited, "Azurite ended.");
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, _port).WaitAsync(s_limit);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    internal static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
