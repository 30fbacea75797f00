namespace FuncSse.Benchmarks;

/// <summary>One topic with many subscribers on two and three instances that share a Redis, compared with SignalR and its Redis backplane.</summary>
internal static class RedisFanOut
{
    private static readonly string[] s_servers = ["funcsse-2", "signalr-2", "funcsse-3", "signalr-3"];

    public static void Run(BenchmarkOptions options)
    {
        using var redis = new RedisProcess();
        using var http = new HttpClient();
        foreach (int streams in options.Streams)
        {
            OpenFileLimit.Check(streams);
            Dictionary<string, Delivery?[]> results = Delivery.InTurns(
                s_servers, $"{streams:N0} subscribers", options, name => Measure(name, streams, redis, http, options));
            Console.WriteLine($"\n| {streams:N0} subscribers on all instances, {options.Rate} events a second of {TopicPublishers.DataSize} bytes | CPU µs a delivered event | ÷ SignalR | Redis, CPU µs a published event | publish → read p50 ms | p99 ms |");
            Console.WriteLine("| --- | ---: | ---: | ---: | ---: | ---: |");
            foreach ((string server, Delivery?[] rounds) in results)
            {
                string title = $"{(IsSignalR(server) ? "SignalR, Redis backplane, server-sent events" : "**FuncSse** (self-host), log in Redis")}, {Instances(server)} instances";
                string[] figures =
                [
                    Delivery.Spread(rounds, result => result.Processor),
                    Delivery.Ratio(rounds, results[$"signalr-{Instances(server)}"]),
                    Delivery.Spread(rounds, result => result.RedisProcessor),
                    Delivery.Spread(rounds, result => result.Median),
                    Delivery.Spread(rounds, result => result.P99),
                ];
                Console.WriteLine($"| {title} | {string.Join(" | ", figures)} |");
            }

            Delivery?[] all = [.. results.Values.SelectMany(rounds => rounds)];
            Console.WriteLine($"\nThe aim is 0.6 of SignalR. The load client took {Delivery.Spread(all, result => result.ClientProcessor)} µs an event. "
                + $"All else on the machine kept {Delivery.Spread(all, result => result.Others)} cores busy: near 0 on a quiet one.");
        }
    }

    private static bool IsSignalR(string server) => server.StartsWith("signalr", StringComparison.Ordinal);

    private static int Instances(string server) => server[^1] - '0';

    private static Delivery Measure(string name, int streams, RedisProcess redis, HttpClient http, BenchmarkOptions options)
    {
        var instances = new List<ServerProcess>();
        try
        {
            for (int number = 0; number < Instances(name); number++)
            {
                instances.Add(ServerProcess.Start(TopicCatalog.Command(IsSignalR(name) ? "signalr" : "funcsse", options, redis.Settings)));
            }

            TopicSubscriber[] subscribers = [.. Enumerable.Range(0, streams).Select(stream => instances[stream % instances.Count].Address)
                .Select(address => IsSignalR(name) ? new SignalRSubscriber(address, "x", http) : new TopicSubscriber(address, "x"))];
            return Delivery.Measure(name, instances, subscribers, options.Rate, TimeSpan.FromSeconds(options.Seconds), redis: redis);
        }
        finally
        {
            instances.ForEach(instance => instance.Dispose());
        }
    }
}
