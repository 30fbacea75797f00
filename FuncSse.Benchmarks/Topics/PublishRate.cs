using System.Diagnostics;
using System.Globalization;
using FuncSse.Topics;
using FuncSse.Topics.Redis;

namespace FuncSse.Benchmarks;

/// <summary>Five thousand events a second from one process, in C#, into Redis; another process delivers each of them once and in order.</summary>
internal static class PublishRate
{
    private const int Rate = 5000;

    // Each awaits its event before the next one, on a topic of its own.
    private const int Publishers = 50;

    public static void Run(BenchmarkOptions options)
    {
        using var redis = new RedisProcess();
        using ServerProcess server = ServerProcess.Start(TopicCatalog.Command("funcsse", options, redis.Settings));
        using var hello = new TopicPublishers(server.Address);
        List<double> rates = [], medians = [], most = [], processors = [], brokers = [];
        long all = 0;
        for (int round = -1; round < options.Rounds; round++)
        {
            Progress.Show($"{Rate:N0} events a second, round {round + 1} of {options.Rounds}");
            using var subscribers = new TopicSubscribers([.. Enumerable.Range(0, Publishers).Select(topic => new TopicSubscriber(server.Address, Topic(topic)))]);
            subscribers.Open();
            subscribers.Greet(
                () =>
                {
                    for (int topic = 0; topic < Publishers; topic++)
                    {
                        hello.Hello(Topic(topic));
                    }
                },
                "funcsse");
            TimeSpan broker = redis.ProcessorTime;
            double[] figures = Publish(redis, options);
            subscribers.Await((long)figures[0], "funcsse");
            if (round < 0)
            {
                continue; // The first compiles the code of the server and is not counted.
            }

            all += (long)figures[0];
            rates.Add(figures[0] / figures[1]);
            medians.Add(figures[2]);
            most.Add(figures[3]);
            processors.Add(figures[4] / figures[0]);
            brokers.Add((redis.ProcessorTime - broker).TotalMicroseconds / figures[0]);
        }

        Progress.Clear();
        Console.WriteLine($"\n| {Publishers} publishers in one process, {Rate:N0} events a second of {TopicPublishers.DataSize} bytes into Redis | |\n| --- | ---: |");
        Console.WriteLine($"| published and acknowledged a second | {Figures.Spread(rates)} |\n| acknowledged after, p50 ms | {Figures.Spread(medians)} |\n| p99 ms | {Figures.Spread(most)} |");
        Console.WriteLine($"| CPU µs a published event | {Figures.Spread(processors)} |\n| Redis, CPU µs a published event | {Figures.Spread(brokers)} |");
        Console.WriteLine($"| events that another instance delivered, each once and in order | {all:N0} of {all:N0} |");
    }

    /// <summary>The process that publishes. It writes how many events, in how many seconds, p50 and p99 in ms, and its processor time in µs.</summary>
    public static async Task<int> PublishAsync(string redis, TimeSpan time)
    {
        await using ServiceProvider services = new ServiceCollection()
            .AddLogging()
            .AddTopics(topics => (topics.Log, topics.Redis) = ("redis", redis))
            .AddRedisEventLog()
            .BuildServiceProvider();
        ITopicPublisher publisher = services.GetRequiredService<ITopicPublisher>();
        await publisher.PublishAsync("warm-up", "");
        using Process self = Process.GetCurrentProcess();
        TimeSpan processor = self.TotalProcessorTime;
        long start = Stopwatch.GetTimestamp();
        List<double>[] took = await Task.WhenAll(Enumerable.Range(0, Publishers).Select(topic => Task.Run(() => PublishAsync(publisher, topic, start, time))));
        TimeSpan all = Stopwatch.GetElapsedTime(start);
        self.Refresh();
        double[] sorted = [.. took.SelectMany(one => one).Order()];
        double[] figures =
        [
            sorted.Length, all.TotalSeconds, Figures.Percentile(sorted, 0.5), Figures.Percentile(sorted, 0.99), (self.TotalProcessorTime - processor).TotalMicroseconds,
        ];
        Console.WriteLine(string.Join(' ', figures.Select(figure => figure.ToString(CultureInfo.InvariantCulture))));
        return 0;
    }

    private static string Topic(int number) => $"p{number}";

    private static double[] Publish(RedisProcess redis, BenchmarkOptions options)
    {
        ProcessStartInfo command = ServerCatalog.Dotnet(
            typeof(PublishRate).Assembly.Location, "publish", redis.Configuration, options.Seconds.ToString(CultureInfo.InvariantCulture));
        command.RedirectStandardOutput = true;
        foreach (string variable in LoadClient.SocketSettings.Keys)
        {
            command.Environment.Remove(variable);
        }

        using Process process = Process.Start(command)!;
        string answer = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? [.. answer.Split(' ').Select(figure => double.Parse(figure, CultureInfo.InvariantCulture))]
            : throw new BenchmarkException("the publisher failed");
    }

    // At a steady rate; what came too late is made up for at once.
    private static async Task<List<double>> PublishAsync(ITopicPublisher publisher, int topic, long start, TimeSpan time)
    {
        var took = new List<double>();
        int due = (int)(time.TotalSeconds * Rate / Publishers);
        for (int done = 0; done < due; done++)
        {
            TimeSpan wait = TimeSpan.FromSeconds((done + ((double)topic / Publishers)) * Publishers / Rate) - Stopwatch.GetElapsedTime(start);
            if (wait > TimeSpan.Zero)
            {
                await Task.Delay(wait);
            }

            long sent = Stopwatch.GetTimestamp();
            await publisher.PublishAsync(Topic(topic), $"{(done + 1).ToString(CultureInfo.InvariantCulture)} ".PadRight(TopicPublishers.DataSize, 'x'));
            took.Add(Stopwatch.GetElapsedTime(sent).TotalMilliseconds);
        }

        return took;
    }
}
