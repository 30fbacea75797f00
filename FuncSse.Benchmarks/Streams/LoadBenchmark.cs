using System.Diagnostics;

namespace FuncSse.Benchmarks;

/// <summary>The servers with the same streams, each with one event a second.</summary>
internal static class LoadBenchmark
{
    private const string Cost = "CPU µs an event";
    private const string Resident = "resident KB a stream";
    private const int SettleSeconds = 3;

    public static Task RunAsync(Options options)
    {
        var rounds = new Rounds<string>(options.Servers, options.Rounds, name => Measure(name, options));
        rounds.Print(
            $"{options.Streams:N0} streams",
            new(Cost, "÷ floor", _ => "floor"),
            new(Cost, "÷ typed", _ => "typed"),
            new(Resident, "÷ typed", _ => "typed"),
            new(Resident, "÷ kestrel", _ => "kestrel"));
        return Task.CompletedTask;
    }

    private static OrderedDictionary<string, double> Measure(string name, Options options)
    {
        using AllocationProbe? probe = options.IsProbed ? new AllocationProbe() : null;
        using ServerProcess server = Servers.Start(name, probe: probe);
        using Publisher? publisher = name == "topic" ? new Publisher(server.Address) : null;

        // The warm-up compiles the code and fills the pools. Its streams are few, because what they leave in the pools counts as the server's
        // own memory.
        Open(server, publisher, Math.Clamp(options.Streams / 10, 10, 200)).Dispose();
        Wait(SettleSeconds, null);
        long memory = server.ResidentMemory;
        using LoadClient client = Open(server, publisher, options.Streams);
        long events = client.Events, bytes = probe?.Bytes ?? 0, start = Stopwatch.GetTimestamp();
        Usage usage = Usage.Of([server], () => Wait(options.Seconds, publisher));
        bytes = (probe?.Bytes ?? 0) - bytes;
        events = client.Events - events;
        client.Check();
        if (events < (long)options.Streams * options.Seconds / 2)
        {
            throw new BenchmarkException($"only {events} events came in time: the machine or the server cannot carry this load.");
        }

        return new()
        {
            [Cost] = usage.Server.TotalMicroseconds / events,
            [Resident] = (server.ResidentMemory - memory) / 1024.0 / options.Streams,
            ["first byte p50 ms"] = Figures.Percentile(client.Streams.Select(one => Stopwatch.GetElapsedTime(one.Sent, one.FirstByte).TotalMilliseconds), 0.5),
            ["lateness p99 ms"] = publisher is null ? Figures.Percentile(client.Streams.SelectMany(stream => Late(stream, start)), 0.99) : double.NaN,
            ["managed bytes an event"] = bytes == 0 ? double.NaN : (double)bytes / events,
            ["client CPU µs an event"] = usage.Client.TotalMicroseconds / events,
            ["other busy cores"] = usage.OtherCores,
        };
    }

    // Counters, or subscribers of a topic whose publisher is given.
    private static LoadClient Open(ServerProcess server, Publisher? publisher, int streams)
    {
        LoadClient client = publisher is null ? LoadClient.OfCounter(server.Address, streams) : LoadClient.OfTopic(server.Address, streams, publisher.Newest + 1);
        client.Open();
        Wait(SettleSeconds, publisher);
        client.Check();
        return client;
    }

    private static void Wait(int seconds, Publisher? publisher)
    {
        for (; seconds > 0; seconds--)
        {
            Thread.Sleep(TimeSpan.FromSeconds(1));
            publisher?.PublishNext();
        }
    }

    // In ms, for each event from the start on. A stream's schedule is the earliest that any of its events implies: event n is due at the least of
    // (arrival of k − k seconds), plus n seconds. So a steady stream is on time whenever it was opened; drift and jitter show.
    private static IEnumerable<double> Late(LoadStream stream, long start)
    {
        (long Arrival, long Offset)[] events = [.. stream.Arrivals.ToArray().Select((arrival, n) => (arrival, arrival - (n * Stopwatch.Frequency)))];
        long schedule = events.Min(one => one.Offset);
        return events.Where(one => one.Arrival >= start).Select(one => Stopwatch.GetElapsedTime(schedule, one.Offset).TotalMilliseconds);
    }
}
