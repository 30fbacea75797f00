using System.Diagnostics;

namespace FuncSse.Benchmarks;

/// <summary>What a topic's stream holds, compared with the counter's, and what a delivered event allocates.</summary>
internal static class TopicMemory
{
    private const int Few = 200;

    public static void Run(BenchmarkOptions options)
    {
        int streams = options.Streams[0];
        OpenFileLimit.Check(streams);
        List<double> counters = [], topics = [];
        for (int round = 0; round < options.Rounds; round++)
        {
            Progress.Show($"memory, round {round + 1} of {options.Rounds}");
            counters.Add(Measure(server => OpenCounters(server, Few), server => OpenCounters(server, streams), options) / streams);
            topics.Add(Measure(server => OpenTopics(server, Few), server => OpenTopics(server, streams), options) / streams);
        }

        Progress.Clear();
        Console.WriteLine($"\n| {streams:N0} streams | resident KB a stream | − the counter's |\n| --- | ---: | ---: |");
        Console.WriteLine($"| the counter's | {Figures.Spread(counters)} | |");
        Console.WriteLine($"| a topic's (1 KB more at most) | {Figures.Spread(topics)} | {Figures.Spread([.. topics.Zip(counters, (left, right) => left - right)])} |");
    }

    /// <summary>Two rates, so that what a published event costs once falls out of what it costs for each subscriber.</summary>
    public static void RunAllocation(BenchmarkOptions options)
    {
        int streams = options.Streams[0];
        Progress.Show("allocation");
        using var probe = new AllocationProbe();
        ProcessStartInfo command = TopicCatalog.Command("funcsse", options);
        probe.Attach(command);
        using ServerProcess server = ServerProcess.Start(command);
        using var publishers = new TopicPublishers(server.Address);
        double alone = Allocated(server, publishers, probe, "few", 1, options);
        double all = Allocated(server, publishers, probe, "all", streams, options);
        Progress.Clear();
        Console.WriteLine($"\n| managed bytes an event | |\n| --- | ---: |\n| published to one subscriber | {Figures.Short(alone)} |");
        Console.WriteLine($"| published to {streams:N0} | {Figures.Short(all)} |");
        Console.WriteLine($"| for each delivery beyond the first (0) | {Figures.Short((all - alone) / (streams - 1))} |");
    }

    private static double Allocated(
        ServerProcess server, TopicPublishers publishers, AllocationProbe probe, string topic, int streams, BenchmarkOptions options)
    {
        using var subscribers = new TopicSubscribers(
            [.. Enumerable.Range(0, streams).Select(_ => new TopicSubscriber(server.Address, topic, publishers.Newest + 1))]);
        subscribers.Open();
        subscribers.Greet(() => publishers.Hello(topic), "funcsse");
        publishers.Publish(options.Rate, TimeSpan.FromSeconds(5), _ => topic);
        long before = publishers.Newest;
        (long bytes, _) = probe.Ask();
        publishers.Publish(options.Rate, TimeSpan.FromSeconds(options.Seconds), _ => topic);
        Thread.Sleep(500);
        return (double)(probe.Ask().Bytes - bytes) / (publishers.Newest - before);
    }

    // In KB, of a process of its own.
    private static double Measure(Func<ServerProcess, IDisposable> warmUp, Func<ServerProcess, IDisposable> open, BenchmarkOptions options)
    {
        using ServerProcess server = TopicCatalog.Start("funcsse", options);
        using (warmUp(server))
        {
            Thread.Sleep(LoadRun.Settle);
        }

        Thread.Sleep(LoadRun.Settle);
        long before = server.ResidentMemory;
        using (open(server))
        {
            Thread.Sleep(TimeSpan.FromSeconds(options.Seconds));
            return (server.ResidentMemory - before) / 1024.0;
        }
    }

    private static LoadClient OpenCounters(ServerProcess server, int streams) => LoadClient.Open(server.Address, streams);

    private static TopicTraffic OpenTopics(ServerProcess server, int streams) => new(server, streams);

    /// <summary>A topic's streams with an event a second, as the counter's have.</summary>
    private sealed class TopicTraffic : IDisposable
    {
        private readonly TopicSubscribers _subscribers;
        private readonly TopicPublishers _publishers;
        private readonly Timer _timer;

        public TopicTraffic(ServerProcess server, int streams)
        {
            _publishers = new TopicPublishers(server.Address);
            _subscribers = new TopicSubscribers([.. Enumerable.Range(0, streams).Select(_ => new TopicSubscriber(server.Address, "x"))]);
            _subscribers.Open();
            _timer = new Timer(_ => _publishers.Hello(), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
        }

        public void Dispose()
        {
            using (var stopped = new ManualResetEvent(false))
            {
                _timer.Dispose(stopped);
                stopped.WaitOne();
            }

            _subscribers.Dispose();
            _publishers.Dispose();
        }
    }
}
