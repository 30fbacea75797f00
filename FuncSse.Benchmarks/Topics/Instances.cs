using System.Diagnostics;

namespace FuncSse.Benchmarks;

/// <summary>Two instances of the self-host over one storage, and how quickly events are published to it.</summary>
internal static class Instances
{
    private const int Publishers = 64;
    private const int Subscribers = 100;
    private const int Rate = 5;

    /// <summary>What is published on one is read on the other.</summary>
    public static void Run(BenchmarkOptions options)
    {
        using var storage = new AzuriteProcess();
        using ServerProcess one = ServerProcess.Start(TopicCatalog.Command("funcsse", options, storage.Settings));
        using ServerProcess other = ServerProcess.Start(TopicCatalog.Command("funcsse", options, storage.Settings));
        using var subscribers = new TopicSubscribers([.. Enumerable.Range(0, Subscribers).Select(_ => new TopicSubscriber(other.Address, "x"))]);
        using var publishers = new TopicPublishers(one.Address);
        subscribers.Open();
        subscribers.Greet(() => publishers.Hello(), "funcsse");
        List<double> medians = [], most = [];
        for (int round = 0; round < options.Rounds; round++)
        {
            Progress.Show($"two instances, round {round + 1} of {options.Rounds}");
            int first = (int)publishers.Newest;

            // At a rate that drifts through the reader's poll.
            publishers.Publish(Rate, TimeSpan.FromSeconds(options.Seconds), _ => "x");
            subscribers.Await(Subscribers * publishers.Newest, "funcsse");
            double[] late = [.. subscribers.Streams.SelectMany(stream => Enumerable.Range(first, stream.Count - first)
                .Select(i => Stopwatch.GetElapsedTime(publishers.Sent(i + 1), stream.Arrivals[i]).TotalMilliseconds))];
            medians.Add(Figures.Percentile(late, 0.5));
            most.Add(Figures.Percentile(late, 0.99));
        }

        Progress.Clear();
        Console.WriteLine($"\n| two instances on Azurite, polled every 150 ms; {Rate} events a second, {Subscribers} subscribers | ms |\n| --- | ---: |");
        Console.WriteLine($"| publish → read p50 | {Figures.Spread(medians)} |\n| p99 (at most 250) | {Figures.Spread(most)} |");
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
}
