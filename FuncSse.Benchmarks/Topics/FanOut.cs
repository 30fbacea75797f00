using System.Net;

namespace FuncSse.Benchmarks;

/// <summary>What a delivered event costs, and how long it takes from publishing to reading.</summary>
internal static class FanOut
{
    private const string Cost = "CPU µs a delivered event";
    private const string RedisCost = "Redis, CPU µs a published event";

    /// <summary>One topic with many subscribers.</summary>
    public static Task RunAsync(Options options) => RunAsync(
        options,
        [.. options.Servers.Select(server => new Setup(server, options.Streams))],
        [.. options.Servers.Skip(1).Select(server => new Ratio<Setup>(Cost, $"÷ {server}", row => row with { Server = server }, PromiseFor(server)))]);

    /// <summary>An event costs what its own subscriber costs, however many other topics there are.</summary>
    public static Task RunManyAsync(Options options)
    {
        var few = new Setup(options.Servers[0], Subscribers: 100, Topics: 100);
        return RunAsync(options, [few, few with { Subscribers = 5000, Topics = 5000 }], [new(Cost, "÷ 100 topics", _ => few)]);
    }

    /// <summary>What is published on one instance is read on the other. A log in memory has one instance, which is both.</summary>
    public static Task RunInstancesAsync(Options options)
    {
        IEnumerable<Setup> setups = from topics in (int[])[100, 1]
                                    from log in (string[])["redis", "azurite", "memory"]
                                    from server in options.Servers
                                    select new Setup(server, options.Streams, log == "memory" ? 1 : 2, log, topics, IsApart: true);
        return RunAsync(options, [.. setups], []);
    }

    /// <summary>Instances that share a Redis, each with its part of the subscribers.</summary>
    public static Task RunRedisAsync(Options options)
    {
        IEnumerable<Setup> setups = from instances in (int[])[2, 3]
                                    from server in options.Servers
                                    select new Setup(server, options.Streams, instances, "redis");
        return RunAsync(
            options,
            [.. setups],
            [.. from figure in (string[])[Cost, RedisCost] from server in options.Servers.Skip(1) select new Ratio<Setup>(figure, $"÷ {server}", row => row with { Server = server })]);
    }

    // README has it.
    private static double PromiseFor(string server) => server == "hand" ? 0.8 : double.PositiveInfinity;

    private static async Task RunAsync(Options options, Setup[] setups, Ratio<Setup>[] ratios)
    {
        await using SharedLogs? logs = Array.TrueForAll(setups, setup => setup.Log == "memory") ? null : await SharedLogs.StartAsync();
        var rounds = new Rounds<Setup>(setups, options.Rounds, setup => Measure(setup, logs, options));
        rounds.Print($"{options.Rate} events a second of {Publisher.DataSize} bytes, after {options.WarmUp} s", ratios);
    }

    private static OrderedDictionary<string, double> Measure(Setup setup, SharedLogs? logs, Options options)
    {
        var instances = new List<ServerProcess>();
        try
        {
            while (instances.Count < setup.Instances)
            {
                instances.Add(Servers.Start(setup.Server, logs?.Settings(setup.Log)));
            }

            using var http = new HttpClient();
            LoadStream[] streams = [.. Enumerable.Range(0, setup.Subscribers).Select(Subscriber)];
            using var client = new LoadClient(streams);
            using var publisher = new Publisher(instances[0].Address);
            client.Open();
            client.Greet(publisher, [.. Enumerable.Range(1, setup.Topics).Select(number => setup.Topic(number))]);
            Publish(options.WarmUp);
            long first = publisher.Newest;
            Usage usage = Usage.Of(instances, () => Publish(options.Seconds), logs?.Redis);
            double published = publisher.Newest - first, delivered = published * setup.Subscribers / setup.Topics;
            double[] late = [.. streams.SelectMany(stream => stream.Since(first).Select(one => publisher.SinceSent(one.Number, one.Arrival)))];
            return new()
            {
                [Cost] = usage.Server.TotalMicroseconds / delivered,
                [RedisCost] = setup.Log == "redis" ? usage.Redis.TotalMicroseconds / published : double.NaN,
                ["publish to read p50 ms"] = Figures.Percentile(late, 0.5),
                ["p99 ms"] = Figures.Percentile(late, 0.99),
                ["client CPU µs"] = usage.Client.TotalMicroseconds / delivered,
                ["other busy cores"] = usage.OtherCores,
            };

            LoadStream Subscriber(int number)
            {
                IPEndPoint address = (setup.IsApart ? instances[^1] : instances[number % instances.Count]).Address;
                int topic = (number % setup.Topics) + 1;
                return setup.Server == "signalr"
                    ? new SignalRStream(address, setup.Topic(topic), http)
                    : new LoadStream(address, $"/topics/{setup.Topic(topic)}", topic, setup.Topics);
            }

            void Publish(int seconds)
            {
                publisher.Publish(options.Rate, TimeSpan.FromSeconds(seconds), setup.Topic);
                client.Await(setup.Subscribers * publisher.Newest / setup.Topics);
            }
        }
        finally
        {
            instances.ForEach(instance => instance.Dispose());
        }
    }

    // The first instance gets what is published, and the topics take turns. Where the subscribers are apart, all are on the last instance.
    private sealed record Setup(string Server, int Subscribers, int Instances = 1, string Log = "memory", int Topics = 1, bool IsApart = false)
    {
        /// <summary>The topic of an event. The events are numbered over all topics, so the numbers of one topic rise by how many topics there are.</summary>
        public string Topic(long number) => Topics == 1 ? "x" : $"t{(number - 1) % Topics}";

        public override string ToString() => $"{Server}, {Instances} on {Log}, {Subscribers:N0} subscribers of {Topics:N0} topics";
    }
}
