using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace FuncSse.Tests;

/// <summary>
/// A real Redis as Debian installs it, or the server whose path the variable <c>REDIS_SERVER</c> holds. It has a free port and a folder of
/// its own, and stores nothing on disk unless its arguments say so. It uses no xunit, so that the benchmarks share this file.
/// </summary>
internal sealed class RedisServer(params string[] arguments) : IAsyncDisposable
{
    public static readonly string[] WithSnapshots = ["--save", "3600 1000000"];

    /// <summary>Each write is on disk before it is answered.</summary>
    public static readonly string[] WithAppendOnlyFile = ["--appendonly", "yes", "--appendfsync", "always"];

    public static readonly string Program = Environment.GetEnvironmentVariable("REDIS_SERVER") ?? "/usr/bin/redis-server";

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    private readonly DirectoryInfo _data = Directory.CreateTempSubdirectory("funcsse-redis-");
    private Process? _process;

    public int Port { get; } = FreePort.Find();

    /// <summary>The address in the form that StackExchange.Redis takes.</summary>
    public string Configuration => $"{IPAddress.Loopback}:{Port}";

    /// <summary>The processor time of all its threads since it was started. The system counts in nanoseconds here, and in steps of 10 ms elsewhere.</summary>
    public TimeSpan ProcessorTime => TimeSpan.FromMicroseconds(
        Directory.GetDirectories($"/proc/{_process!.Id}/task")
            .Sum(thread => long.Parse(File.ReadAllText($"{thread}/schedstat").Split(' ')[0], CultureInfo.InvariantCulture)) / 1000.0);

    public static string[] ReplicaOf(RedisServer primary) => ["--replicaof", "127.0.0.1", $"{primary.Port}", "--repl-diskless-sync-delay", "0"];

    /// <summary>Starts it with what its folder holds. Returns when it answers.</summary>
    /// <exception cref="InvalidOperationException">It ended, or does not answer.</exception>
    public async Task StartAsync()
    {
        string[] all =
        [
            "--port", $"{Port}", "--bind", "127.0.0.1", "--dir", _data.FullName, "--loglevel", "warning",
            "--save", "", .. arguments,
        ];
        _process = Process.Start(new ProcessStartInfo(Program, all) { RedirectStandardOutput = true })!;
        _process.BeginOutputReadLine();
        long start = Stopwatch.GetTimestamp();
        while (!await AnswersAsync())
        {
            if (_process.HasExited || Stopwatch.GetElapsedTime(start) > s_limit)
            {
                throw new InvalidOperationException($"{Program} does not answer.");
            }

            await Task.Delay(5);
        }
    }

    /// <summary>Kills it (SIGKILL): it writes nothing more, as when a machine fails.</summary>
    public async Task KillAsync()
    {
        _process!.Kill();
        await _process.WaitForExitAsync().WaitAsync(s_limit);
        _process.Dispose();
        _process = null;
    }

    /// <summary>Stops its process until it is killed (SIGSTOP): its connections stay open, and nothing is answered.</summary>
    public async Task FreezeAsync()
    {
        using Process stop = Process.Start("kill", ["-STOP", $"{_process!.Id}"]);
        await stop.WaitForExitAsync().WaitAsync(s_limit);
    }

    /// <summary>Removes the last bytes of the append-only file, as if the disk had not written them.</summary>
    public void CutAppendOnlyFile(int bytes)
    {
        FileInfo log = _data.GetFiles("*.incr.aof", SearchOption.AllDirectories).MaxBy(file => file.Length)!;
        using FileStream file = log.Open(FileMode.Open);
        file.SetLength(file.Length - bytes);
    }

    /// <summary>Sends a command by redis-cli, and returns the text of the answer.</summary>
    public async Task<string> CommandAsync(params string[] command)
    {
        var start = new ProcessStartInfo("redis-cli", ["-p", $"{Port}", .. command]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process client = Process.Start(start)!;
        string answer = await client.StandardOutput.ReadToEndAsync().WaitAsync(s_limit);
        await client.WaitForExitAsync().WaitAsync(s_limit);
        return answer.Trim();
    }

    /// <summary>A number of what <c>INFO</c> says.</summary>
    public async Task<long> InfoAsync(string section, string name)
    {
        string[] lines = (await CommandAsync("INFO", section)).Split('\n', StringSplitOptions.TrimEntries);
        return long.Parse(lines.Single(line => line.StartsWith($"{name}:", StringComparison.Ordinal))[(name.Length + 1)..], CultureInfo.InvariantCulture);
    }

    /// <summary>The number of scripts that it has run.</summary>
    public async Task<long> CountScriptsAsync()
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
    }

    // A server that still loads its file listens already, and answers with an error.
    private async Task<bool> AnswersAsync()
    {
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync(IPAddress.Loopback, Port);
            NetworkStream stream = client.GetStream();
            await stream.WriteAsync("PING\r\n"u8.ToArray());
            byte[] answer = new byte[7];
            return await stream.ReadAtLeastAsync(answer, answer.Length, throwOnEndOfStream: false).AsTask().WaitAsync(s_limit) == answer.Length
                && answer.AsSpan().SequenceEqual("+PONG\r\n"u8);
        }
        catch (Exception exception) when (exception is SocketException or IOException)
        {
            return false;
        }
    }
}
