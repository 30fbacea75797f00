using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace FuncSse.Benchmarks;

/// <summary>A server under test, in a process of its own. One that was started here ends with this object.</summary>
internal sealed class ServerProcess : IDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(30);

    private readonly Process _process;

    // What was started here, and ends with this: the process, or the one that started it.
    private readonly Process? _own;

    private ServerProcess(Process process, IPEndPoint address, Process? own)
    {
        (_process, Address, _own) = (process, address, own);
    }

    public IPEndPoint Address { get; }

    /// <summary>Processor time since the start, of all threads, in user and kernel mode.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    /// <summary>In bytes.</summary>
    public long ResidentMemory
    {
        get
        {
            _process.Refresh();
            return _process.WorkingSet64;
        }
    }

    /// <summary>The most that was resident since the start or <see cref="ForgetPeak"/>, in bytes.</summary>
    public long PeakMemory
    {
        get
        {
            _process.Refresh();
            return _process.PeakWorkingSet64;
        }
    }

    /// <summary>Only on Linux (proc(5), clear_refs); elsewhere the peak stays that since the start.</summary>
    public void ForgetPeak()
    {
        if (OperatingSystem.IsLinux())
        {
            File.WriteAllText($"/proc/{_process.Id}/clear_refs", "5");
        }
    }

    /// <summary>A process that runs already, with the address at which its streams are to be had: a worker behind a Functions host, say.</summary>
    /// <exception cref="BenchmarkException">There is no such process.</exception>
    public static ServerProcess Find(int id, IPEndPoint address)
    {
        try
        {
            return new ServerProcess(Process.GetProcessById(id), address, own: null);
        }
        catch (ArgumentException)
        {
            throw new BenchmarkException($"There is no process {id}.");
        }
    }

    /// <summary>Returns when the server has said where it listens.</summary>
    /// <exception cref="BenchmarkException">It did not.</exception>
    public static ServerProcess Start(ProcessStartInfo command)
    {
        command.RedirectStandardOutput = true;
        command.RedirectStandardError = true;
        Process process = Process.Start(command)!;
        using var listening = new ManualResetEventSlim();
        IPEndPoint? address = null;
        var said = new List<string>();

        // Read to the end, so that a server that logs never waits for its reader.
        void Read(object sender, DataReceivedEventArgs line)
        {
            lock (said)
            {
                if (address is not null || line.Data is null)
                {
                    return;
                }

                said.Add(line.Data);
                address = FindAddress(line.Data);
                if (address is not null)
                {
                    listening.Set();
                }
            }
        }

        process.OutputDataReceived += Read;
        process.ErrorDataReceived += Read;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        if (listening.Wait(StartLimit))
        {
            return new ServerProcess(process, address!, own: process);
        }

        process.Kill();
        lock (said)
        {
            throw new BenchmarkException(
                $"{command.FileName} {string.Join(' ', command.ArgumentList)} named no address:\n{string.Join('\n', said)}");
        }
    }

    /// <summary>A server on Linux that does not say where it listens, and one whose only child does the work: it is the one that counts.</summary>
    /// <exception cref="BenchmarkException">It does not listen.</exception>
    public static ServerProcess StartWithWorker(ProcessStartInfo command, IPEndPoint address)
    {
        Process own = Process.Start(command)!;
        long start = Stopwatch.GetTimestamp();
        string children = $"/proc/{own.Id}/task/{own.Id}/children";
        string child = "";
        while (child.Length == 0 || !IsOpen(address))
        {
            if (own.HasExited || Stopwatch.GetElapsedTime(start) > StartLimit)
            {
                own.Kill(entireProcessTree: true);
                throw new BenchmarkException($"{command.FileName} {string.Join(' ', command.ArgumentList)} does not listen.");
            }

            Thread.Sleep(50);
            child = File.Exists(children) ? File.ReadAllText(children).Split(' ')[0] : "";
        }

        return new ServerProcess(Process.GetProcessById(int.Parse(child, CultureInfo.InvariantCulture)), address, own);
    }

    public static IPEndPoint FreeAddress()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return (IPEndPoint)listener.LocalEndpoint;
    }

    public static bool IsOpen(IPEndPoint address)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Connect(address);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    public void Dispose()
    {
        if (_own is not null)
        {
            _own.Kill(entireProcessTree: true);
            _own.WaitForExit();
            _own.Dispose();
        }

        _process.Dispose();
    }

    private static IPEndPoint? FindAddress(string line)
    {
        const string Scheme = "http://127.0.0.1:";
        int start = line.IndexOf(Scheme, StringComparison.Ordinal);
        if (start < 0)
        {
            return null;
        }

        string digits = string.Concat(line[(start + Scheme.Length)..].TakeWhile(char.IsAsciiDigit));
        return int.TryParse(digits, CultureInfo.InvariantCulture, out int port) && port > 0
            ? new IPEndPoint(IPAddress.Loopback, port)
            : null;
    }
}
