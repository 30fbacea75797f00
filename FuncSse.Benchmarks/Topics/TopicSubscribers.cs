using System.Diagnostics;

namespace FuncSse.Benchmarks;

/// <summary>Many subscribers from one process, on one thread.</summary>
internal sealed class TopicSubscribers(TopicSubscriber[] streams) : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    public IReadOnlyList<TopicSubscriber> Streams => streams;

    public long Events => streams.Sum(stream => (long)stream.Count);

    /// <param name="rate">How many a second; null for all at once.</param>
    public void Open(int? rate = LoadClient.RampRate)
    {
        long start = Stopwatch.GetTimestamp();
        for (int next = 0; next < streams.Length;)
        {
            int due = rate is null ? streams.Length : Math.Min(streams.Length, 1 + (int)(Stopwatch.GetElapsedTime(start).TotalSeconds * rate));
            for (; next < due; next++)
            {
                streams[next].Open();
            }

            Thread.Sleep(1);
        }
    }

    /// <summary>Returns when each has had a first event, which does not count. Some servers answer nothing before it.</summary>
    public void Greet(Action hello, string server)
    {
        long start = Stopwatch.GetTimestamp();
        do
        {
            hello();
            Thread.Sleep(500);
            Check(server);
            if (Stopwatch.GetElapsedTime(start) > s_limit)
            {
                throw new BenchmarkException($"{server}: {streams.Count(stream => !stream.IsThere)} streams got no event.");
            }
        }
        while (!streams.All(stream => stream.IsThere));
        Thread.Sleep(500);
    }

    /// <summary>Returns when all events have come.</summary>
    public void Await(long events, string server)
    {
        long start = Stopwatch.GetTimestamp();
        for (; Events < events; Thread.Sleep(5))
        {
            Check(server);
            if (Stopwatch.GetElapsedTime(start) > s_limit)
            {
                throw new BenchmarkException($"{server}: {Events} of {events} events came.");
            }
        }

        Check(server);
    }

    public void Dispose() => Array.ForEach(streams, stream => stream.Dispose());

    private void Check(string server)
    {
        if (streams.FirstOrDefault(stream => stream.Fault is not null) is { } broken)
        {
            throw new BenchmarkException($"{server}: {broken.Fault}");
        }
    }
}
