using System.Diagnostics;
using System.Globalization;
using System.Net;

namespace FuncSse.Benchmarks;

/// <summary>A server under test, in a process of its own. One that was started here ends with this object.</summary>
internal sealed class ServerProcess : IDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(30);

    private readonly Process _process;
    private readonly bool _isOwn;

    private ServerProcess(Process process, IPEndPoint address, bool isOwn)
    {
        (_process, Address, _isOwn) = (process, address, isOwn);
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

    /// <summary>A process that runs already, with the address at which its streams are to be had: a worker behind a Functions host, say.</summary>
    /// <exception cref="BenchmarkException">There is no such process.</exception>
    public static ServerProcess Find(int id, IPEndPoint address)
    {
        try
        {
            return new ServerProcess(Process.GetProcessById(id), address, isOwn: false);
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
            return new ServerProcess(process, address!, isOwn: true);
        }

        process.Kill();
        lock (said)
        {
            throw new BenchmarkException(
                $"{command.FileName} {string.Join(' ', command.ArgumentList)} named no address:\n{string.Join('\n', said)}");
        }
    }

    public void Dispose()
    {
        if (_isOwn)
        {
            _process.Kill();
            _process.WaitForExit();
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
