using System.Diagnostics;

namespace FuncSse.Benchmarks;

/// <summary>Redis is killed under two instances and comes back: when publishing and delivering work again, counted from its first answer.</summary>
internal static class RedisReturn
{
    private const int Streams = 100;

    public static void Run(BenchmarkOptions options)
    {
        using var redis = new RedisProcess();
        using ServerProcess one = ServerProcess.Start(TopicCatalog.Command("funcsse", options, redis.Settings));
        using ServerProcess other = ServerProcess.Start(TopicCatalog.Command("funcsse", options, redis.Settings));
        using var subscribers = new TopicSubscribers([.. Enumerable.Range(0, Streams).Select(_ => new TopicSubscriber(other.Address, "x"))]);
        using var publishers = new TopicPublishers(one.Address);
        subscribers.Open();
        subscribers.Greet(() => publishers.Hello(), "funcsse");
        List<double> published = [], delivered = [];
        for (int round = 0; round < options.Rounds; round++)
        {
            Progress.Show($"Redis returns, round {round + 1} of {options.Rounds}");
            publishers.Publish(options.Rate, TimeSpan.FromSeconds(2));

            // The file is written every second. What it lacks after a kill is another question than when all goes on.
            Thread.Sleep(1500);
            redis.Kill();

            // Different times in the pauses between attempts.
            Thread.Sleep(2000 + (round * 130));
            var publishing = Task.Run(() => publishers.PublishNext());
            Thread.Sleep(500);
            redis.Restart();
            long back = Stopwatch.GetTimestamp();
            publishing.Wait();
            published.Add(Stopwatch.GetElapsedTime(back).TotalMilliseconds);
            subscribers.Await(Streams * publishers.Newest, "funcsse");
            delivered.Add(subscribers.Streams.Max(stream => Stopwatch.GetElapsedTime(back, stream.Arrivals[^1]).TotalMilliseconds));
        }

        Progress.Clear();
        Console.WriteLine("\n| Redis was killed and comes back after some seconds | ms after its first answer |\n| --- | ---: |");
        Console.WriteLine($"| an event that was published meanwhile is acknowledged | {Figures.Spread(published)} |");
        Console.WriteLine($"| each of {Streams} subscribers of another instance has it (at most 3,000) | {Figures.Spread(delivered)} |");
    }
}
