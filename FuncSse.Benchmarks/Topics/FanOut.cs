using System.Diagnostics;

namespace FuncSse.Benchmarks;

/// <summary>One topic with many subscribers: what an event costs each server for each of them, and when it is there.</summary>
internal static class FanOut
{
    private const int LatencyStreams = 1000;

    // The runtime compiles what runs often a second time, in the background: on a busy machine that takes its time.
    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(10);

    public static void Run(BenchmarkOptions options)
    {
        foreach (int streams in options.Streams)
        {
            Dictionary<string, FanOutResult?[]> results = Measure(TopicCatalog.Installed(options.Servers), streams, options);
            Console.WriteLine($"\n| {streams:N0} subscribers, {options.Rate} events a second of {TopicPublishers.DataSize} bytes | CPU µs a delivered event | ÷ hand-written | ÷ nchan | ÷ floor |");
            Console.WriteLine("| --- | ---: | ---: | ---: | ---: |");
            foreach ((string server, FanOutResult?[] rounds) in results)
            {
                string ratios = string.Join(" | ", ((string[])["hand", "nchan", "floor"]).Select(other => Ratio(rounds, results.GetValueOrDefault(other))));
                Console.WriteLine($"| {TopicCatalog.Title(server)} | {Spread(rounds, result => result.Processor)} | {ratios} |");
            }

            Console.WriteLine("| at most (aim) | | 0.65 (0.5) | 0.9 (0.75) | 1.9 (1.5) |");
            FanOutResult?[] all = [.. results.Values.SelectMany(rounds => rounds)];
            Console.WriteLine($"\nThe load client took {Spread(all, result => result.ClientProcessor)} µs an event. "
                + $"All else on the machine kept {Spread(all, result => result.Others)} cores busy: near 0 on a quiet one.");
        }
    }

    public static void RunLatency(BenchmarkOptions options)
    {
        string[] servers = TopicCatalog.Installed(options.Servers.Where(name => name == "nchan" || name.StartsWith("funcsse", StringComparison.Ordinal)));
        Dictionary<string, FanOutResult?[]> results = Measure(servers, LatencyStreams, options);
        Console.WriteLine($"\n| {LatencyStreams:N0} subscribers, {options.Rate} events a second | publish → read p50 ms | p99 ms |\n| --- | ---: | ---: |");
        foreach ((string server, FanOutResult?[] rounds) in results)
        {
            Console.WriteLine($"| {TopicCatalog.Title(server)} | {Spread(rounds, result => result.Median)} | {Spread(rounds, result => result.P99)} |");
        }
    }

    private static Dictionary<string, FanOutResult?[]> Measure(string[] servers, int streams, BenchmarkOptions options)
    {
        OpenFileLimit.Check(streams);
        var results = servers.ToDictionary(server => server, _ => new FanOutResult?[options.Rounds]);
        for (int round = 0; round < options.Rounds; round++)
        {
            // A server is not always the one after the same other, nor always the first.
            for (int i = 0; i < servers.Length; i++)
            {
                string server = servers[(i + round) % servers.Length];
                Progress.Show($"{streams:N0} subscribers, round {round + 1} of {options.Rounds}, {server}");
                try
                {
                    results[server][round] = Measure(server, streams, options);
                }
                catch (BenchmarkException problem)
                {
                    Progress.Clear();
                    Console.Error.WriteLine(problem.Message); // The others' figures still stand.
                }
            }
        }

        Progress.Clear();
        return results;
    }

    private static FanOutResult Measure(string name, int streams, BenchmarkOptions options)
    {
        using ServerProcess server = TopicCatalog.Start(name, options);
        using var subscribers = new TopicSubscribers([.. Enumerable.Range(0, streams).Select(_ => new TopicSubscriber(server.Address, "x"))]);
        using var publishers = new TopicPublishers(server.Address);
        subscribers.Open();
        subscribers.Greet(() => publishers.Hello(), name);
        publishers.Publish(options.Rate, s_warmUp);
        subscribers.Await(streams * publishers.Newest, name);

        using Process self = Process.GetCurrentProcess();
        long first = publishers.Newest;
        TimeSpan processor = server.ProcessorTime, own = self.TotalProcessorTime, all = Machine.BusyTime;
        long start = Stopwatch.GetTimestamp();
        publishers.Publish(options.Rate, TimeSpan.FromSeconds(options.Seconds));
        subscribers.Await(streams * publishers.Newest, name);
        processor = server.ProcessorTime - processor;
        self.Refresh();
        own = self.TotalProcessorTime - own;
        all = Machine.BusyTime - all;
        TimeSpan time = Stopwatch.GetElapsedTime(start);
        double events = streams * (publishers.Newest - first);
        double[] late = [.. subscribers.Streams.SelectMany(stream => Late(stream, publishers, (int)first)).Order()];
        return new FanOutResult(
            processor.TotalMicroseconds / events,
            own.TotalMicroseconds / events,
            all > TimeSpan.Zero ? Math.Max(0, (all - processor - own) / time) : double.NaN,
            Figures.Percentile(late, 0.5),
            Figures.Percentile(late, 0.99));
    }

    private static double[] Late(TopicSubscriber stream, TopicPublishers publishers, int first)
    {
        var late = new double[stream.Count - first];
        for (int i = 0; i < late.Length; i++)
        {
            late[i] = Stopwatch.GetElapsedTime(publishers.Sent(first + i + 1), stream.Arrivals[first + i]).TotalMilliseconds;
        }

        return late;
    }

    private static string Spread(FanOutResult?[] rounds, Func<FanOutResult, double> figure) =>
        Figures.Spread([.. rounds.OfType<FanOutResult>().Select(figure)]);

    // Each round's own, so that what slowed a whole round falls out.
    private static string Ratio(FanOutResult?[] rounds, FanOutResult?[]? others) => others is null
        ? ""
        : Figures.Spread([.. rounds.Zip(others).Where(pair => pair is ({ }, { })).Select(pair => pair.First!.Processor / pair.Second!.Processor)]);

    /// <param name="Processor">Of the server, in µs a delivered event.</param>
    /// <param name="ClientProcessor">Of the load client, likewise.</param>
    /// <param name="Others">How many cores all other processes kept busy meanwhile; NaN where the system does not tell.</param>
    /// <param name="Median">From publishing to reading, in ms.</param>
    /// <param name="P99">Likewise; 99 % of the events took less.</param>
    private sealed record FanOutResult(double Processor, double ClientProcessor, double Others, double Median, double P99);
}
