using System.Diagnostics;

namespace FuncSse.Benchmarks;

/// <summary>One server in one round.</summary>
internal static class LoadRun
{
    /// <summary>Long enough for each stream's first event, and for what the ramp left to do.</summary>
    public static readonly TimeSpan Settle = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan WarmUpTime = TimeSpan.FromSeconds(3);

    public static LoadResult Measure(string name, int streams, BenchmarkOptions options, string step)
    {
        Progress.Show(step, "start");
        using ServerProcess server = ServerCatalog.Start(name, options);
        WarmUp(server, name, streams, step);
        long memory = server.ResidentMemory;

        using LoadClient client = LoadClient.Open(server.Address, streams, opened => Progress.Show(step, $"{opened:N0} streams open"));
        Progress.Wait(step, Settle);
        client.Check(name);

        using Process self = Process.GetCurrentProcess();
        long events = client.Events;
        TimeSpan processor = server.ProcessorTime, own = self.TotalProcessorTime, all = Machine.BusyTime;
        long start = Stopwatch.GetTimestamp();
        Progress.Wait(step, TimeSpan.FromSeconds(options.Seconds));
        processor = server.ProcessorTime - processor;
        self.Refresh();
        own = self.TotalProcessorTime - own;
        all = Machine.BusyTime - all;
        TimeSpan time = Stopwatch.GetElapsedTime(start);
        events = client.Events - events;
        memory = server.ResidentMemory - memory;
        client.Check(name);
        CheckCount(name, events, (long)streams * options.Seconds);

        return new LoadResult(
            processor.TotalMicroseconds / events,
            memory / 1024.0 / streams,
            Figures.Median(client.Streams.Select(s => Stopwatch.GetElapsedTime(s.Sent, s.FirstByte).TotalMilliseconds)),
            Figures.Percentile(client.Streams.SelectMany(s => Lateness.Of(s, start)), 0.99),
            Figures.Median(client.Streams.Select(s => Lateness.Drift(s, start))),
            own.TotalMicroseconds / events,
            all > TimeSpan.Zero ? Math.Max(0, (all - processor - own) / time) : double.NaN);
    }

    /// <summary>So that no figure holds what is done once: the code is compiled, the pools are filled.</summary>
    public static void WarmUp(ServerProcess server, string name, int streams, string step)
    {
        // Few beside the load that follows: what they leave in the pools counts as the server's own memory.
        using (LoadClient client = LoadClient.Open(server.Address, Math.Clamp(streams / 10, 10, 200)))
        {
            Progress.Wait($"{step} warm-up", WarmUpTime);
            client.Check(name);
        }

        Progress.Wait($"{step} idle", WarmUpTime);
    }

    /// <summary>No id may be missing, and no server may be far behind: drift is a figure, half the events are not.</summary>
    public static void CheckCount(string name, long events, long due)
    {
        if (events < due / 2)
        {
            throw new BenchmarkException(
                $"{name}: only {events} of {due} events came in time: the machine, or the server, cannot carry this load.");
        }
    }
}
