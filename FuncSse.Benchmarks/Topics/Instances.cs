namespace FuncSse.Benchmarks;

/// <summary>Two instances of the self-host on one log: what is published on one is read on the other.</summary>
internal static class Instances
{
    private const int Publishers = 64;
    private const int Streams = 1000;
    private const int Rate = 100;
    private const int Topics = 100;

    public static void Run(BenchmarkOptions options)
    {
        using var storage = new AzuriteProcess();
        using var redis = new RedisProcess();
        OpenFileLimit.Check(Streams);
        Console.WriteLine($"\n| two instances, {Rate} events a second, {Streams:N0} subscribers | publish → read p50 ms | p99 ms | cores that all else kept busy |\n| --- | ---: | ---: | ---: |");
        foreach (int topics in (int[])[Topics, 1])
        {
            Dictionary<string, Delivery?[]> results = Delivery.InTurns(["redis", "storage", "memory"], $"{topics} topics", options, log =>
            {
                (string Name, string Value)[] settings = log switch
                {
                    "redis" => [.. redis.Settings],
                    "storage" => [.. storage.Settings],
                    _ => [],
                };
                return Measure(log, settings, topics, options);
            });
            string title = topics == 1 ? $"one topic, {Streams * Rate:N0} deliveries a second" : $"{topics} topics, {Streams / topics * Rate:N0} deliveries a second";
            foreach ((string log, Delivery?[] rounds) in results)
            {
                string where = log switch
                {
                    "redis" => "Redis",
                    "storage" => "Azurite, polled every 150 ms",
                    _ => "memory, one instance",
                };
                Console.WriteLine($"| {title}, {where} | {Delivery.Spread(rounds, result => result.Median)} | {Delivery.Spread(rounds, result => result.P99)} | {Delivery.Spread(rounds, result => result.Others)} |");
            }
        }
    }

    /// <summary>Many publishers at once, compared with one.</summary>
    public static void RunPublishing(BenchmarkOptions options)
    {
        using var storage = new AzuriteProcess();
        using ServerProcess server = ServerProcess.Start(TopicCatalog.Command("funcsse", options, storage.Settings));
        using var publishers = new TopicPublishers(server.Address);
        var time = TimeSpan.FromSeconds(options.Seconds / 2.0);
        List<double> one = [], many = [];
        for (int round = -1; round < options.Rounds; round++)
        {
            Progress.Show($"publishing, round {round + 1} of {options.Rounds}");
            double alone = publishers.PublishAtOnce(1, time) / time.TotalSeconds;
            double together = publishers.PublishAtOnce(Publishers, time) / time.TotalSeconds;
            if (round >= 0)
            {
                // The first compiles the code and is not counted.
                one.Add(alone);
                many.Add(together);
            }
        }

        Progress.Clear();
        Console.WriteLine("\n| publishing to Azurite over HTTP | events a second | ÷ one after another |\n| --- | ---: | ---: |");
        Console.WriteLine($"| one after another | {Figures.Spread(one)} | 1.00 |");
        Console.WriteLine($"| {Publishers} at once (at least 20 times) | {Figures.Spread(many)} | {Figures.Spread([.. many.Zip(one, (left, right) => left / right)])} |");
    }

    // A log in memory is of one instance, which is both.
    private static Delivery Measure(string log, (string Name, string Value)[] settings, int topics, BenchmarkOptions options)
    {
        using ServerProcess one = ServerProcess.Start(TopicCatalog.Command("funcsse", options, settings));
        using ServerProcess? other = settings.Length == 0 ? null : ServerProcess.Start(TopicCatalog.Command("funcsse", options, settings));
        TopicSubscriber[] subscribers = [.. Enumerable.Range(0, Streams).Select(stream => (stream % topics) + 1)
            .Select(first => new TopicSubscriber((other ?? one).Address, Delivery.Topic(first, topics), first, topics))];
        return Delivery.Measure(log, other is null ? [one] : [one, other], subscribers, Rate, TimeSpan.FromSeconds(options.Seconds), topics);
    }
}
