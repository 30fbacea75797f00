namespace FuncSse.Benchmarks;

/// <summary>As many topics as streams: an event costs what its own subscriber costs, however many others there are.</summary>
internal static class ManyTopics
{
    private const int Few = 100;
    private const int Many = 5000;
    private const int Rate = 300;

    public static void Run(BenchmarkOptions options)
    {
        // Both at once, and in turns, so that both meet the same machine.
        using var few = new Side(Few, options);
        using var many = new Side(Many, options);
        List<double> fews = [], manys = [];
        for (int round = -1; round < options.Rounds; round++)
        {
            Progress.Show($"{Few:N0} and {Many:N0} topics, round {round + 1} of {options.Rounds}");
            double[] costs = [0, 0];
            foreach (int side in round % 2 == 0 ? (int[])[0, 1] : [1, 0])
            {
                costs[side] = (side == 0 ? few : many).Measure(TimeSpan.FromSeconds(options.Seconds));
            }

            if (round >= 0)
            {
                fews.Add(costs[0]);
                manys.Add(costs[1]);
            }
        }

        Progress.Clear();
        Console.WriteLine($"\n| one subscriber a topic, {Rate} events a second over all, publishing included | CPU µs an event | ÷ {Few} |\n| --- | ---: | ---: |");
        Console.WriteLine($"| {Few:N0} topics | {Figures.Spread(fews)} | 1.00 |");
        Console.WriteLine($"| {Many:N0} topics (0.9 to 1.1) | {Figures.Spread(manys)} | {Figures.Spread([.. manys.Zip(fews, (left, right) => left / right)])} |");
    }

    private sealed class Side : IDisposable
    {
        private readonly int _topics;
        private readonly ServerProcess _server;
        private readonly TopicSubscribers _subscribers;
        private readonly TopicPublishers _publishers;

        public Side(int topics, BenchmarkOptions options)
        {
            OpenFileLimit.Check(topics);
            _topics = topics;
            _server = TopicCatalog.Start("funcsse", options);
            _publishers = new TopicPublishers(_server.Address);
            _subscribers = new TopicSubscribers(
                [.. Enumerable.Range(1, topics).Select(number => new TopicSubscriber(_server.Address, $"t{number}", number, topics))]);
            _subscribers.Open();
            Thread.Sleep(LoadRun.Settle);
        }

        public double Measure(TimeSpan time)
        {
            // Events are numbered over all topics, so each topic's numbers rise by how many topics there are.
            long first = _publishers.Newest;
            TimeSpan processor = _server.ProcessorTime;
            _publishers.Publish(Rate, time, number => $"t{((number - 1) % _topics) + 1}");
            _subscribers.Await(_publishers.Newest, "funcsse");
            return (_server.ProcessorTime - processor).TotalMicroseconds / (_publishers.Newest - first);
        }

        public void Dispose()
        {
            _subscribers.Dispose();
            _publishers.Dispose();
            _server.Dispose();
        }
    }
}
