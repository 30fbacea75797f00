using System.Diagnostics;
using System.Globalization;
using FuncSse.Topics;
using FuncSse.Topics.Redis;

namespace FuncSse.Benchmarks;

/// <summary>5,000 events a second from one process, in C#, into Redis. Another process delivers each of them once and in order.</summary>
internal static class PublishRate
{
    private const int Rate = 5000;

    // Each awaits its event before the next one, on a topic of its own.
    private const int Publishers = 50;

    private static readonly string[] s_topics = [.. Enumerable.Range(0, Publishers).Select(number => $"p{number}")];

    public static async Task RunAsync(Options options)
    {
        await using SharedLogs logs = await SharedLogs.StartAsync();
        using ServerProcess server = Servers.Start(options.Servers[0], logs.Settings("redis"));
        var rounds = new Rounds<string>(options.Servers[..1], options.Rounds, _ => Measure(logs, server, options), warmUps: 1);
        rounds.Print($"{Publishers} publishers in one process, {Rate:N0} events a second of {Publisher.DataSize} bytes into Redis");
    }

    /// <summary>The process that publishes. It prints how many events, in how many seconds, p50 and p99 in ms, and its processor time in µs.</summary>
    /// <param name="arguments">The configuration of Redis, and seconds.</param>
    public static async Task PublishAsync(string[] arguments)
    {
        await using ServiceProvider services = new ServiceCollection()
            .AddLogging()
            .AddTopics(topics => (topics.Log, topics.Redis) = ("redis", arguments[0]))
            .AddRedisEventLog()
            .BuildServiceProvider();
        ITopicPublisher publisher = services.GetRequiredService<ITopicPublisher>();
        await publisher.PublishAsync("warm-up", "");
        TimeSpan processor = Environment.CpuUsage.TotalTime;
        long start = Stopwatch.GetTimestamp();
        int each = Rate / Publishers * int.Parse(arguments[1], CultureInfo.InvariantCulture);
        double[][] took = await Task.WhenAll(s_topics.Select((topic, i) => Task.Run(() => PublishAsync(publisher, topic, (double)i / Rate, start, each))));
        double[] times = [.. took.SelectMany(one => one)];
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds, used = (Environment.CpuUsage.TotalTime - processor).TotalMicroseconds;
        double[] figures = [times.Length, seconds, Figures.Percentile(times, 0.5), Figures.Percentile(times, 0.99), used];
        Console.WriteLine(string.Join(' ', figures.Select(figure => figure.ToString(CultureInfo.InvariantCulture))));
    }

    private static OrderedDictionary<string, double> Measure(SharedLogs logs, ServerProcess server, Options options)
    {
        using var hello = new Publisher(server.Address);
        using var client = new LoadClient([.. s_topics.Select(topic => new LoadStream(server.Address, $"/topics/{topic}"))]);
        client.Open();
        client.Greet(hello, s_topics);
        TimeSpan redis = logs.Redis.ProcessorTime;
        string output = ServerProcess.Run(ChildProcesses.Command("publish", logs.Redis.Configuration, $"{options.Seconds}"));
        double[] figures = [.. output.Split(' ').Select(figure => double.Parse(figure, CultureInfo.InvariantCulture))];
        client.Await((long)figures[0]); // It fails if one is missing, repeated or out of order.
        return new()
        {
            ["acknowledged a second"] = figures[0] / figures[1],
            ["acknowledged after, p50 ms"] = figures[2],
            ["p99 ms"] = figures[3],
            ["CPU µs an event"] = figures[4] / figures[0],
            ["Redis, CPU µs an event"] = (logs.Redis.ProcessorTime - redis).TotalMicroseconds / figures[0],
            ["delivered by another instance"] = client.Events,
        };
    }

    // The rate is steady. What is late is made up for at once.
    private static async Task<double[]> PublishAsync(ITopicPublisher publisher, string topic, double delay, long start, int count)
    {
        var took = new double[count];
        for (int done = 0; done < count; done++)
        {
            TimeSpan wait = TimeSpan.FromSeconds(delay + ((double)done * Publishers / Rate)) - Stopwatch.GetElapsedTime(start);
            await Task.Delay(wait > TimeSpan.Zero ? wait : TimeSpan.Zero);
            long sent = Stopwatch.GetTimestamp();
            await publisher.PublishAsync(topic, Publisher.Data(done + 1));
            took[done] = Stopwatch.GetElapsedTime(sent).TotalMilliseconds;
        }

        return took;
    }
}
