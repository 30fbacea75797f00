using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace FuncSse.Benchmarks;

/// <summary>A real Redis as Debian installs it, on a free port, with an append-only file in a temporary folder.</summary>
internal sealed class RedisProcess : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    private readonly DirectoryInfo _data = Directory.CreateTempSubdirectory("funcsse-redis-");
    private readonly IPEndPoint _address = ServerProcess.FreeAddress();
    private Process _process;

    /// <exception cref="BenchmarkException">It cannot be started.</exception>
    public RedisProcess() => _process = Start();

    /// <summary>As StackExchange.Redis takes it.</summary>
    public string Configuration => _address.ToString();

    /// <summary>The settings of a self-host whose topics are here.</summary>
    public IEnumerable<(string Name, string Value)> Settings => [("Topics__Log", "redis"), ("Topics__Redis", Configuration)];

    /// <summary>Of all its threads, since it was started.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    public void Kill()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
    }

    /// <summary>Starts it again with what it has on its disk; returns when it answers.</summary>
    public void Restart() => _process = Start();

    public void Dispose()
    {
        Kill();
        _data.Delete(recursive: true);
    }

    private Process Start()
    {
        string[] arguments =
        [
            "--port", _address.Port.ToString(CultureInfo.InvariantCulture), "--bind", "127.0.0.1", "--dir", _data.FullName,
            "--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--loglevel", "warning",
        ];
        Process process;
        try
        {
            process = Process.Start(new ProcessStartInfo("redis-server", arguments) { RedirectStandardOutput = true })!;
        }
        catch (System.ComponentModel.Win32Exception problem)
        {
            throw new BenchmarkException($"redis-server cannot be started: {problem.Message}");
        }

        process.BeginOutputReadLine();
        long start = Stopwatch.GetTimestamp();
        while (!Answers())
        {
            if (process.HasExited || Stopwatch.GetElapsedTime(start) > s_limit)
            {
                throw new BenchmarkException("redis-server does not answer.");
            }

            Thread.Sleep(1);
        }

        return process;
    }

    // While it loads its file it listens already, and answers with an error.
    private bool Answers()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Connect(_address);
            socket.Send("PING\r\n"u8);
            Span<byte> answer = stackalloc byte[7];
            return socket.Receive(answer) == answer.Length && answer.StartsWith("+PONG"u8);
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
