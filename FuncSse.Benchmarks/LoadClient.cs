using System.Diagnostics;
using System.Net;

namespace FuncSse.Benchmarks;

/// <summary>Many streams from one process, on one thread, read as they arrive.</summary>
internal sealed class LoadClient : IDisposable
{
    /// <summary>Opened a second at most: a ramp, not a storm, and due times spread over the whole second.</summary>
    public const int RampRate = 1000;

    private readonly LoadStream[] _streams;

    private LoadClient(LoadStream[] streams) => _streams = streams;

    /// <summary>
    /// One thread waits for all sockets and handles what it finds, where .NET would hand each to the thread pool:
    /// the client shares the machine with the server, so it must be cheap.
    /// </summary>
    public static IReadOnlyDictionary<string, string> SocketSettings { get; } = new Dictionary<string, string>
    {
        ["DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS"] = "1",
        ["DOTNET_SYSTEM_NET_SOCKETS_THREAD_COUNT"] = "1",
    };

    public IReadOnlyList<LoadStream> Streams => _streams;

    public long Events => _streams.Sum(stream => (long)stream.Count);

    /// <summary>What the first broken stream has to say, or null.</summary>
    public string? Fault => _streams.FirstOrDefault(stream => stream.Fault is not null)?.Fault;

    /// <summary>Call it before the process makes its first socket: the settings are read then.</summary>
    public static void UseOneThread()
    {
        foreach ((string name, string value) in SocketSettings)
        {
            Environment.SetEnvironmentVariable(name, value);
        }
    }

    /// <summary>Opens the streams at the ramp's pace; returns when the last has been asked for.</summary>
    public static LoadClient Open(IPEndPoint server, int count, Action<int>? opened = null)
    {
        var streams = new LoadStream[count];
        for (int i = 0; i < count; i++)
        {
            streams[i] = new LoadStream(server);
        }

        long start = Stopwatch.GetTimestamp();
        for (int next = 0; next < count; Thread.Sleep(1))
        {
            int due = Math.Min(count, 1 + (int)(Stopwatch.GetElapsedTime(start).TotalSeconds * RampRate));
            for (; next < due; next++)
            {
                streams[next].Open();
            }

            opened?.Invoke(next);
        }

        return new LoadClient(streams);
    }

    /// <exception cref="BenchmarkException">A stream broke, or an event is missing, repeated or not what it should be.</exception>
    public void Check(string server)
    {
        if (Fault is { } fault)
        {
            throw new BenchmarkException($"{server}: {fault}");
        }
    }

    public void Dispose()
    {
        foreach (LoadStream stream in _streams)
        {
            stream.Dispose();
        }
    }
}
