using System.Diagnostics;

namespace FuncSse.Benchmarks;

/// <summary>What a delivered event costs, and when it is there.</summary>
/// <param name="Processor">Of the server, or of all its instances, in µs a delivered event.</param>
/// <param name="ClientProcessor">Of the load client, likewise.</param>
/// <param name="RedisProcessor">Of the Redis between the instances, in µs a published event; NaN where there is none.</param>
/// <param name="Others">How many cores all other processes kept busy meanwhile; NaN where the system does not tell.</param>
/// <param name="Median">From publishing to reading, in ms.</param>
/// <param name="P99">Likewise; 99 % of the events took less.</param>
internal sealed record Delivery(double Processor, double ClientProcessor, double RedisProcessor, double Others, double Median, double P99)
{
    // The runtime compiles what was called 30 times and, once more, 60 times, in the background: 12 s at 5 events a second. With 10 s the last
    // of it, 0.3 s of processor time, fell into the measured window.
    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(20);

    /// <summary>Measures the servers in turns.</summary>
    public static Dictionary<string, Delivery?[]> InTurns(string[] servers, string what, BenchmarkOptions options, Func<string, Delivery> measure)
    {
        var results = servers.ToDictionary(server => server, _ => new Delivery?[options.Rounds]);
        for (int round = 0; round < options.Rounds; round++)
        {
            // A server is not always the one after the same other, nor always the first.
            for (int i = 0; i < servers.Length; i++)
            {
                string server = servers[(i + round) % servers.Length];
                Progress.Show($"{what}, round {round + 1} of {options.Rounds}, {server}");
                try
                {
                    results[server][round] = measure(server);
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

    /// <summary>Measures one server, or several instances of it, of which the first takes what is published.</summary>
    /// <param name="name">For messages.</param>
    /// <param name="instances">The instances.</param>
    /// <param name="streams">The subscribers, none of which is open, equally many of each topic.</param>
    /// <param name="rate">Events a second, over all topics.</param>
    /// <param name="time">How long.</param>
    /// <param name="topics">How many topics.</param>
    /// <param name="redis">What the instances share.</param>
    public static Delivery Measure(
        string name, IReadOnlyList<ServerProcess> instances, TopicSubscriber[] streams, int rate, TimeSpan time, int topics = 1, RedisProcess? redis = null)
    {
        using var subscribers = new TopicSubscribers(streams);
        using var publishers = new TopicPublishers(instances[0].Address);
        subscribers.Open();
        subscribers.Greet(
            () =>
            {
                for (int number = 1; number <= topics; number++)
                {
                    publishers.Hello(Topic(number, topics));
                }
            },
            name);
        publishers.Publish(rate, s_warmUp, number => Topic(number, topics));
        subscribers.Await(streams.Length * publishers.Newest / topics, name);

        using Process self = Process.GetCurrentProcess();
        long first = publishers.Newest;
        TimeSpan processor = Sum(instances), own = self.TotalProcessorTime, all = Machine.BusyTime, between = redis?.ProcessorTime ?? default;
        long start = Stopwatch.GetTimestamp();
        publishers.Publish(rate, time, number => Topic(number, topics));
        subscribers.Await(streams.Length * publishers.Newest / topics, name);
        processor = Sum(instances) - processor;
        self.Refresh();
        own = self.TotalProcessorTime - own;
        all = Machine.BusyTime - all;
        between = (redis?.ProcessorTime ?? default) - between;
        TimeSpan took = Stopwatch.GetElapsedTime(start);
        double published = publishers.Newest - first;
        double delivered = streams.Length * published / topics;
        double[] late = [.. streams.SelectMany(stream => Late(stream, publishers, first)).Order()];
        return new Delivery(
            processor.TotalMicroseconds / delivered,
            own.TotalMicroseconds / delivered,
            redis is null ? double.NaN : between.TotalMicroseconds / published,
            all > TimeSpan.Zero ? Math.Max(0, (all - processor - own - between) / took) : double.NaN,
            Figures.Percentile(late, 0.5),
            Figures.Percentile(late, 0.99));
    }

    /// <summary>The topic of an event, by its number.</summary>
    public static string Topic(long number, int topics) => topics == 1 ? "x" : $"t{(number - 1) % topics}";

    public static string Spread(IEnumerable<Delivery?> rounds, Func<Delivery, double> figure) =>
        Figures.Spread([.. rounds.OfType<Delivery>().Select(figure)]);

    /// <summary>The ratio of two figures: that of each round, so that what slowed a whole round falls out.</summary>
    public static string Ratio(Delivery?[] rounds, Delivery?[]? others) => others is null
        ? ""
        : Figures.Spread([.. rounds.Zip(others).Where(pair => pair is ({ }, { })).Select(pair => pair.First!.Processor / pair.Second!.Processor)]);

    private static TimeSpan Sum(IEnumerable<ServerProcess> instances) =>
        instances.Aggregate(TimeSpan.Zero, (sum, instance) => sum + instance.ProcessorTime);

    private static List<double> Late(TopicSubscriber stream, TopicPublishers publishers, long first)
    {
        var late = new List<double>();
        for (int i = 0; i < stream.Count; i++)
        {
            if (stream.Number(i) is long number && number > first)
            {
                late.Add(Stopwatch.GetElapsedTime(publishers.Sent(number), stream.Arrivals[i]).TotalMilliseconds);
            }
        }

        return late;
    }
}
