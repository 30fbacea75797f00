using System.Diagnostics;

namespace FuncSse.Benchmarks;

/// <summary>How much each server allocates an event in steady state, everything in its process included.</summary>
internal static class AllocationBenchmark
{
    public static int Run(BenchmarkOptions options)
    {
        LoadClient.UseOneThread();
        string[] servers = [.. options.Servers.Where(ServerCatalog.IsManaged)];
        Console.WriteLine($"{Machine.Describe()}. {options.Seconds} s in steady state.");
        foreach (int streams in options.Streams)
        {
            var results = servers.ToDictionary(server => server, _ => new List<(double Bytes, long Collections)>());
            for (int round = 0; round < options.Rounds; round++)
            {
                foreach (string server in servers)
                {
                    string step = $"{streams:N0} streams, round {round + 1} of {options.Rounds}, {server}:";
                    results[server].Add(Measure(server, streams, options, step));
                }
            }

            Progress.Clear();
            Console.WriteLine($"\n| {streams:N0} streams | managed bytes an event | collections |\n| --- | ---: | ---: |");
            foreach (string server in servers)
            {
                string bytes = Figures.Spread([.. results[server].Select(result => result.Bytes)]);
                Console.WriteLine($"| {ServerCatalog.Title(server)} | {bytes} | {results[server].Max(result => result.Collections)} |");
            }
        }

        return 0;
    }

    private static (double Bytes, long Collections) Measure(string name, int streams, BenchmarkOptions options, string step)
    {
        using var probe = new AllocationProbe();
        ProcessStartInfo command = ServerCatalog.Command(name, options);
        probe.Attach(command);
        using ServerProcess server = ServerProcess.Start(command);
        LoadRun.WarmUp(server, name, streams, step);
        using LoadClient client = LoadClient.Open(server.Address, streams);
        Progress.Wait(step, LoadRun.Settle);
        (long bytes, long collections) = probe.Ask();
        long events = client.Events;
        Progress.Wait(step, TimeSpan.FromSeconds(options.Seconds));
        (long bytesAfter, long collectionsAfter) = probe.Ask();
        events = client.Events - events;
        client.Check(name);
        LoadRun.CheckCount(name, events, (long)streams * options.Seconds);
        return ((double)(bytesAfter - bytes) / events, collectionsAfter - collections);
    }
}
