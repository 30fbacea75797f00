using System.Diagnostics;

namespace FuncSse.Benchmarks;

/// <summary>All clients are cut, and come back at once when each has missed a thousand events.</summary>
internal static class Storm
{
    private const int Missed = 1000;
    private const int Before = 200;

    public static void Run(BenchmarkOptions options)
    {
        int streams = options.Streams[0];
        OpenFileLimit.Check(streams);
        Console.WriteLine($"\n| {streams:N0} clients come back at once, each with {Missed:N0} missed events | all served after s | resident MB, steady | peak | ÷ steady (at most 2) | reads of the log |");
        Console.WriteLine("| --- | ---: | ---: | ---: | ---: | ---: |");
        Print("log in memory", streams, options, null);
        using var storage = new AzuriteProcess();
        Print("log in Azurite", streams, options, storage);
    }

    private static void Print(string title, int streams, BenchmarkOptions options, AzuriteProcess? storage)
    {
        Progress.Show($"storm, {title}");
        using ServerProcess server = ServerProcess.Start(TopicCatalog.Command("funcsse", options, storage?.Settings ?? []));
        using var publishers = new TopicPublishers(server.Address);
        string position = "";
        using (TopicSubscribers subscribers = Subscribe(server, streams))
        {
            subscribers.Open();
            subscribers.Greet(() => publishers.Hello(), "funcsse");
            for (int i = 0; i < Before; i++, Thread.Sleep(50))
            {
                position = publishers.PublishNext();
            }

            subscribers.Await((long)streams * Before, "funcsse");
        }

        long steady = server.ResidentMemory;
        for (int i = 0; i < Missed; i++)
        {
            publishers.PublishNext();
        }

        Thread.Sleep(LoadRun.Settle);
        server.ForgetPeak();
        int reads = storage?.Reads ?? 0;
        using TopicSubscribers back = Subscribe(server, streams, Before + 1, position);
        long start = Stopwatch.GetTimestamp();
        back.Open(rate: null);
        back.Await((long)streams * Missed, "funcsse");
        double time = Stopwatch.GetElapsedTime(start).TotalSeconds;
        double peak = server.PeakMemory;
        Progress.Clear();
        string count = storage is null ? "" : $"{storage.Reads - reads}";
        Console.WriteLine($"| {title} | {Figures.Short(time)} | {steady >> 20} | {(long)peak >> 20} | {Figures.Short(peak / steady)} | {count} |");
    }

    private static TopicSubscribers Subscribe(ServerProcess server, int streams, long first = 1, string? position = null) => new(
        [.. Enumerable.Range(0, streams).Select(_ => new TopicSubscriber(server.Address, "x", first, lastEventId: position))]);
}
