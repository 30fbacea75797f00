using System.Diagnostics;
using System.Net;

namespace FuncSse.Benchmarks;

/// <summary>Many streams from one process, on one thread, which are read as they arrive.</summary>
internal sealed class LoadClient(params LoadStream[] streams) : IDisposable
{
    // So that the due times of counters are spread over the whole second.
    private const int OpenedPerSecond = 1000;

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    /// <summary>
    /// With these variables, one thread waits for all sockets and handles what it finds. By default, .NET would hand each to the thread pool;
    /// the client shares the machine with the server and must be cheap.
    /// </summary>
    public static readonly string[] SocketSettings = ["DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS", "DOTNET_SYSTEM_NET_SOCKETS_THREAD_COUNT"];

    public IReadOnlyList<LoadStream> Streams => streams;

    public long Events => streams.Sum(stream => (long)stream.Arrivals.Count);

    /// <summary>The process must call it before it makes its first socket.</summary>
    public static void UseOneThread() => Array.ForEach(SocketSettings, name => Environment.SetEnvironmentVariable(name, "1"));

    /// <summary>Streams of a counter, which are not open yet.</summary>
    public static LoadClient OfCounter(IPEndPoint server, int count) => new([.. Enumerable.Range(0, count).Select(_ =>
        new LoadStream(server, "/events", LoadStream.CounterStart + 1, lastEventId: $"{LoadStream.CounterStart}"))]);

    /// <summary>Subscribers of one topic, which are not open yet.</summary>
    public static LoadClient OfTopic(IPEndPoint server, int count, long first = 1, string? lastEventId = null) =>
        new([.. Enumerable.Range(0, count).Select(_ => new LoadStream(server, "/topics/x", first, lastEventId: lastEventId))]);

    /// <summary>Opens the streams; returns when the last one was asked for.</summary>
    public void Open(int perSecond = OpenedPerSecond)
    {
        long start = Stopwatch.GetTimestamp();
        for (int next = 0; next < streams.Length; Thread.Sleep(1))
        {
            int due = (int)Math.Min(streams.Length, 1 + (Stopwatch.GetElapsedTime(start).TotalSeconds * perSecond));
            for (; next < due; next++)
            {
                streams[next].Open();
            }
        }
    }

    /// <summary>Returns when each stream had a first event, which does not count. Some servers answer nothing before it.</summary>
    /// <exception cref="BenchmarkException">A stream is broken, or got nothing in time.</exception>
    public void Greet(Publisher publisher, string[] topics) => Until(
        () =>
        {
            Array.ForEach(topics, publisher.SendHello);
            Thread.Sleep(500);
            return streams.Count(stream => stream.IsOpen);
        },
        streams.Length);

    /// <summary>Returns when so many events have come.</summary>
    /// <exception cref="BenchmarkException">A stream is broken, or they did not come in time.</exception>
    public void Await(long events) => Until(() => Events, events);

    /// <exception cref="BenchmarkException">A stream is broken, or an event is missing or repeated.</exception>
    public void Check()
    {
        if (streams.FirstOrDefault(stream => stream.Fault is not null)?.Fault is { } fault)
        {
            throw new BenchmarkException(fault);
        }
    }

    public void Dispose() => Array.ForEach(streams, stream => stream.Dispose());

    private void Until(Func<long> count, long due)
    {
        long start = Stopwatch.GetTimestamp();
        for (long done = count(); done < due; done = count())
        {
            Thread.Sleep(5);
            Check();
            if (Stopwatch.GetElapsedTime(start) > s_limit)
            {
                throw new BenchmarkException($"{done} of {due} came in time.");
            }
        }

        Check();
    }
}
