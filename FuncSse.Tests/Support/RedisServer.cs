using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace FuncSse.Tests.Topics;

/// <summary>
/// A real Redis as Debian installs it, or another server that the variable <c>REDIS_SERVER</c> has the path of, on a free port and with a
/// folder of its own. Without persistence, unless it is told otherwise.
/// </summary>
public class RedisServer : IAsyncLifetime
{
    private static readonly string s_path = Environment.GetEnvironmentVariable("REDIS_SERVER") ?? "/usr/bin/redis-server";
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    private readonly string[] _arguments;
    private readonly DirectoryInfo _data = Directory.CreateTempSubdirectory("funcsse-redis-");
    private Process? _process;

    public RedisServer()
        : this("--save", "", "--appendonly", "no")
    {
    }

    protected RedisServer(params string[] arguments) => _arguments = arguments;

    public int Port { get; } = FreePort();

    public string Configuration => $"127.0.0.1:{Port}";

    public static RedisServer WithSnapshots() => new("--appendonly", "no", "--save", "3600 1000000");

    public static RedisServer ReplicaOf(RedisServer primary) =>
        new("--save", "", "--appendonly", "no", "--replicaof", "127.0.0.1", $"{primary.Port}", "--repl-diskless-sync-delay", "0");

    public static void SkipWhereMissing() => Assert.SkipUnless(File.Exists(s_path), $"There is no {s_path}.");

    public async ValueTask InitializeAsync()
    {
        if (File.Exists(s_path))
        {
            await StartAsync();
        }
    }

    public async Task StartAsync()
    {
        string[] arguments =
            ["--port", $"{Port}", "--bind", "127.0.0.1", "--dir", _data.FullName, "--enable-debug-command", "yes", "--loglevel", "warning", .. _arguments];
        _process = Process.Start(new ProcessStartInfo(s_path, arguments) { RedirectStandardOutput = true })!;
        _process.BeginOutputReadLine();
        await Eventually.TrueAsync(async () =>
        {
            Assert.False(_process.HasExited, "Redis ended.");
            return await CommandAsync("PING") == "PONG";
        });
    }

    /// <summary>Kills it as a machine that dies would: nothing is written on the way.</summary>
    public async Task KillAsync()
    {
        _process!.Kill();
        await _process.WaitForExitAsync().WaitAsync(s_limit);
        _process.Dispose();
        _process = null;
    }

    /// <summary>Takes the end off the append-only file, as a disk does that was not asked to write it.</summary>
    public void CutLog(int bytes)
    {
        FileInfo log = _data.GetFiles("*.aof", SearchOption.AllDirectories).Where(file => !file.Name.Contains(".base.", StringComparison.Ordinal)).MaxBy(file => file.Length)!;
        using FileStream file = log.Open(FileMode.Open);
        file.SetLength(file.Length - bytes);
    }

    /// <summary>Sends a command as an operator does, and returns the answer's text.</summary>
    public async Task<string> CommandAsync(params string[] command)
    {
        using Process client = Process.Start(
            new ProcessStartInfo("redis-cli", ["-p", $"{Port}", .. command]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        string answer = await client.StandardOutput.ReadToEndAsync().WaitAsync(s_limit);
        await client.WaitForExitAsync().WaitAsync(s_limit);
        return answer.Trim();
    }

    /// <summary>How many scripts it has run.</summary>
    public async Task<long> CallsAsync()
    {
        string[] lines = (await CommandAsync("INFO", "commandstats")).Split('\n');
        string? line = Array.Find(lines, one => one.StartsWith("cmdstat_evalsha:", StringComparison.Ordinal));
        return line is null ? 0 : long.Parse(line.Split("calls=")[1].Split(',')[0], CultureInfo.InvariantCulture);
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            await KillAsync();
        }

        _data.Delete(recursive: true);
        GC.SuppressFinalize(this);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}

/// <summary>A Redis that has each answered write on its disk.</summary>
public sealed class RedisAofServer() : RedisServer("--save", "", "--appendonly", "yes", "--appendfsync", "always");
