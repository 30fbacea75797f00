namespace FuncSse.Benchmarks;

/// <summary>One topic with many subscribers: what an event costs each server for each of them, and when it is there.</summary>
internal static class FanOut
{
    private const int LatencyStreams = 1000;

    public static void Run(BenchmarkOptions options)
    {
        foreach (int streams in options.Streams)
        {
            Dictionary<string, Delivery?[]> results = Measure(TopicCatalog.Installed(options.Servers), streams, options);
            Console.WriteLine($"\n| {streams:N0} subscribers, {options.Rate} events a second of {TopicPublishers.DataSize} bytes | CPU µs a delivered event | ÷ hand-written | ÷ nchan | ÷ floor |");
            Console.WriteLine("| --- | ---: | ---: | ---: | ---: |");
            foreach ((string server, Delivery?[] rounds) in results)
            {
                string ratios = string.Join(" | ", ((string[])["hand", "nchan", "floor"]).Select(other => Delivery.Ratio(rounds, results.GetValueOrDefault(other))));
                Console.WriteLine($"| {TopicCatalog.Title(server)} | {Delivery.Spread(rounds, result => result.Processor)} | {ratios} |");
            }

            Console.WriteLine("| at most (aim) | | 0.65 (0.5) | 0.9 (0.75) | 1.9 (1.5) |");
            Delivery?[] all = [.. results.Values.SelectMany(rounds => rounds)];
            Console.WriteLine($"\nThe load client took {Delivery.Spread(all, result => result.ClientProcessor)} µs an event. "
                + $"All else on the machine kept {Delivery.Spread(all, result => result.Others)} cores busy: near 0 on a quiet one.");
        }
    }

    public static void RunLatency(BenchmarkOptions options)
    {
        string[] servers = TopicCatalog.Installed(options.Servers.Where(name => name == "nchan" || name.StartsWith("funcsse", StringComparison.Ordinal)));
        Dictionary<string, Delivery?[]> results = Measure(servers, LatencyStreams, options);
        Console.WriteLine($"\n| {LatencyStreams:N0} subscribers, {options.Rate} events a second | publish → read p50 ms | p99 ms |\n| --- | ---: | ---: |");
        foreach ((string server, Delivery?[] rounds) in results)
        {
            Console.WriteLine($"| {TopicCatalog.Title(server)} | {Delivery.Spread(rounds, result => result.Median)} | {Delivery.Spread(rounds, result => result.P99)} |");
        }
    }

    private static Dictionary<string, Delivery?[]> Measure(string[] servers, int streams, BenchmarkOptions options)
    {
        OpenFileLimit.Check(streams);
        return Delivery.InTurns(servers, $"{streams:N0} subscribers", options, name =>
        {
            using ServerProcess server = TopicCatalog.Start(name, options);
            TopicSubscriber[] subscribers = [.. Enumerable.Range(0, streams).Select(_ => new TopicSubscriber(server.Address, "x"))];
            return Delivery.Measure(name, [server], subscribers, options.Rate, TimeSpan.FromSeconds(options.Seconds));
        });
    }
}
