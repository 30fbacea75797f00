namespace FuncSse.Benchmarks;

/// <summary>One benchmark: its name on the command line, what it shows, its default options, and its code.</summary>
internal sealed record Mode(string Name, string Shows, Options Defaults, Func<Options, Task> RunAsync);

/// <summary>All benchmarks.</summary>
internal static class Modes
{
    private static readonly Options s_streams = new();
    private static readonly Options s_topics = new() { Streams = 4000, Seconds = 10, Rounds = 5 };

    private static readonly Mode[] s_all =
    [
        new("load", "streams of a counter: CPU, memory, first byte, lateness", s_streams with { Servers = ["floor", "kestrel", "funcsse", "typed", "express", "topic"] }, LoadBenchmark.RunAsync),
        new("alloc", "managed bytes an event", s_streams with { Seconds = 60, Rounds = 1, Servers = ["funcsse", "typed", "topic"], IsProbed = true }, LoadBenchmark.RunAsync),
        new("client", "the .NET client, compared with the platform's parser alone", s_streams with { Rounds = 10 }, ClientBenchmark.RunAsync),
        new("answers", "answers that are recorded, compared with plain streams", s_streams with { Seconds = 10 }, AnswersBenchmark.RunAsync),
        new("fanout", "one topic with many subscribers", s_topics with { Servers = ["funcsse", "hand", "nchan", "topic-floor"] }, FanOut.RunAsync),
        new("many", "5,000 topics with one subscriber each, compared with 100", s_topics with { Rate = 300 }, FanOut.RunManyAsync),
        new("instances", "from one instance to another, by Redis and by Azurite", s_topics with { Streams = 1000, Rate = 100 }, FanOut.RunInstancesAsync),
        new("redis", "two and three instances on a Redis, compared with SignalR's backplane", s_topics with { Rate = 5, Servers = ["funcsse", "signalr"] }, FanOut.RunRedisAsync),
        new("publish", "64 publishers at once: a POST compared with a minimal API, and one publisher with 64 on Azurite", s_topics with { Servers = ["funcsse", "hand"] }, Publishing.RunAsync),
        new("storm", "all clients come back at once, each with 1,000 missed events", s_topics with { Rounds = 1 }, Storm.RunAsync),
    ];

    /// <exception cref="BenchmarkException">The arguments are not understood.</exception>
    public static async Task RunAsync(string[] args)
    {
        args = args.Length == 0 ? ["load"] : args;
        if (Array.Find(s_all, mode => mode.Name == args[0]) is not { } mode || mode.Defaults.Parse(args.AsSpan(1)) is not { } options)
        {
            string modes = string.Join('\n', s_all.Select(mode => $"  {mode.Name,-20} {mode.Shows}"));
            throw new BenchmarkException($"dotnet run -c Release --project FuncSse.Benchmarks -- MODE [options]\n\n{modes}\n\n{Options.Usage}");
        }

        if (mode.Name != "answers")
        {
            LoadClient.UseOneThread(); // That one reads with HttpClient, whose continuations would block the thread.
        }

        Console.WriteLine($"{Machine.Describe()}. {options.Rounds} rounds of {options.Seconds} s.");
        await mode.RunAsync(options);
    }
}
