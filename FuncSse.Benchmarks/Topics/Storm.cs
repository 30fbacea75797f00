using System.Diagnostics;

namespace FuncSse.Benchmarks;

/// <summary>All clients are cut, and come back at once when each has missed a thousand events.</summary>
internal static class Storm
{
    private const int Missed = 1000;
    private const int Before = 200;

    public static async Task RunAsync(Options options)
    {
        await using SharedLogs logs = await SharedLogs.StartAsync();
        var rounds = new Rounds<string>(["memory", "azurite", "redis"], options.Rounds, log => Measure(log, logs, options));
        rounds.Print($"{options.Streams:N0} clients come back at once, each with {Missed:N0} missed events");
    }

    private static OrderedDictionary<string, double> Measure(string log, SharedLogs logs, Options options)
    {
        using ServerProcess server = Servers.Start(options.Servers[0], logs.Settings(log));
        using var publisher = new Publisher(server.Address);
        string position = "";
        using (LoadClient clients = LoadClient.OfTopic(server.Address, options.Streams))
        {
            clients.Open();
            clients.Greet(publisher, ["x"]);
            for (int i = 0; i < Before; i++, Thread.Sleep(50))
            {
                position = publisher.PublishNext();
            }

            clients.Await((long)options.Streams * Before);
        }

        double steady = server.ResidentMemory;
        for (int i = 0; i < Missed; i++)
        {
            publisher.PublishNext();
        }

        Thread.Sleep(TimeSpan.FromSeconds(3));
        server.ForgetPeak();
        int reads = logs.AzuriteReads;
        using LoadClient back = LoadClient.OfTopic(server.Address, options.Streams, first: Before + 1, lastEventId: position);
        long start = Stopwatch.GetTimestamp();
        back.Open(perSecond: int.MaxValue);
        back.Await((long)options.Streams * Missed);
        return new()
        {
            ["all served after s"] = Stopwatch.GetElapsedTime(start).TotalSeconds,
            ["resident MB, steady"] = steady / (1 << 20),
            ["peak ÷ steady"] = server.PeakMemory / steady,
            ["reads of the log"] = log == "azurite" ? logs.AzuriteReads - reads : double.NaN,
        };
    }
}
