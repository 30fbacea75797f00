using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;

namespace FuncSse.Benchmarks;

/// <summary>A server in a process of its own. A process that was started here ends with this object.</summary>
internal sealed partial class ServerProcess : IDisposable
{
    private static readonly TimeSpan s_startLimit = TimeSpan.FromSeconds(60);

    // The process, and its children, such as nginx' worker.
    private readonly Process[] _processes;
    private readonly bool _isOurs;

    private ServerProcess(Process process, IPEndPoint address, bool isOurs)
    {
        (Address, _isOurs) = (address, isOurs);
        string children = $"/proc/{process.Id}/task/{process.Id}/children";
        string[] ids = File.Exists(children) ? File.ReadAllText(children).Split(' ', StringSplitOptions.RemoveEmptyEntries) : [];
        _processes = [process, .. ids.Select(id => Process.GetProcessById(int.Parse(id, CultureInfo.InvariantCulture)))];
    }

    public IPEndPoint Address { get; }

    /// <summary>Processor time since the start, of all threads, in user and kernel mode.</summary>
    public TimeSpan ProcessorTime => TimeSpan.FromTicks(Sum(process => process.TotalProcessorTime.Ticks));

    /// <summary>In bytes.</summary>
    public long ResidentMemory => Sum(process => process.WorkingSet64);

    /// <summary>The most that was resident since the start or <see cref="ForgetPeak"/>, in bytes.</summary>
    public long PeakMemory => Sum(process => process.PeakWorkingSet64);

    /// <summary>Runs on Linux only (proc(5), clear_refs); elsewhere the peak remains that since the start.</summary>
    public void ForgetPeak()
    {
        if (OperatingSystem.IsLinux())
        {
            File.WriteAllText($"/proc/{_processes[0].Id}/clear_refs", "5");
        }
    }

    /// <summary>A process that already runs, and the address of its streams, such as the worker behind a Functions host.</summary>
    public static ServerProcess Find(int id, IPEndPoint address) => new(Process.GetProcessById(id), address, isOurs: false);

    /// <summary>Starts a server, and returns when it is ready.</summary>
    /// <param name="command">The program and its arguments.</param>
    /// <param name="address">Where it listens; null if it prints its address.</param>
    /// <exception cref="BenchmarkException">It cannot be started, or is not ready in time.</exception>
    public static ServerProcess Start(ProcessStartInfo command, IPEndPoint? address = null)
    {
        IPEndPoint? printed = null;
        string output = "";
        Process process = Launch(command);

        // All of it is read, so that a server that logs never waits for its reader.
        void Read(object sender, DataReceivedEventArgs line)
        {
            if (printed is null && line.Data is { } text)
            {
                output += $"{text}\n";
                printed = Printed().Match(text) is { Success: true } found ? IPEndPoint.Parse(found.Groups[1].ValueSpan) : null;
            }
        }

        process.OutputDataReceived += Read;
        process.ErrorDataReceived += Read;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        long start = Stopwatch.GetTimestamp();
        while (address is null ? Volatile.Read(ref printed) is null : !Answers(address))
        {
            if (process.HasExited || Stopwatch.GetElapsedTime(start) > s_startLimit)
            {
                process.Kill(entireProcessTree: true);
                throw new BenchmarkException($"`{command.FileName} {string.Join(' ', command.ArgumentList)}` is not ready.\n{output}");
            }

            Thread.Sleep(1);
        }

        return new ServerProcess(process, address ?? printed!, isOurs: true);
    }

    /// <summary>Runs a program until it ends.</summary>
    /// <exception cref="BenchmarkException">It cannot be started, or its exit code is not 0.</exception>
    public static void Run(ProcessStartInfo command)
    {
        using Process process = Launch(command);
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new BenchmarkException($"`{command.FileName} {string.Join(' ', command.ArgumentList)}` failed.\n{output}{errors.Result}");
        }
    }

    /// <summary>Everything that runs on .NET is started in this way, so that no start-up file differs.</summary>
    public static ProcessStartInfo Dotnet(string assembly, params string[] arguments) => new("dotnet", [assembly, .. arguments])
    {
        WorkingDirectory = Path.GetDirectoryName(assembly),
    };

    /// <summary>Sends a request on a new connection.</summary>
    public static Socket Get(IPEndPoint server, string path)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, ReceiveTimeout = 30_000 };
        try
        {
            socket.Connect(server);
            socket.Send(Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
            return socket;
        }
        catch (SocketException)
        {
            socket.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        if (_isOurs)
        {
            _processes[0].Kill(entireProcessTree: true);
            _processes[0].WaitForExit();
        }

        Array.ForEach(_processes, process => process.Dispose());
    }

    private static bool Answers(IPEndPoint address)
    {
        try
        {
            using Socket socket = Get(address, "/events");
            return socket.Receive(stackalloc byte[1]) == 1;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static Process Launch(ProcessStartInfo command)
    {
        (command.RedirectStandardOutput, command.RedirectStandardError) = (true, true);
        Array.ForEach(LoadClient.SocketSettings, name => command.Environment.Remove(name)); // They are not for servers.
        try
        {
            return Process.Start(command)!;
        }
        catch (Win32Exception problem)
        {
            throw new BenchmarkException($"{command.FileName} cannot be started: {problem.Message}");
        }
    }

    private long Sum(Func<Process, long> figure)
    {
        Array.ForEach(_processes, process => process.Refresh());
        return _processes.Sum(figure);
    }

    [GeneratedRegex(@"http://(127\.0\.0\.1:[1-9]\d*)")]
    private static partial Regex Printed();
}
