using System.Diagnostics;
using System.Net;
using System.Net.ServerSentEvents;
using System.Net.Sockets;
using FuncSse.Streaming;

namespace FuncSse.Benchmarks;

/// <summary>A feed that never waits: how long a replay of 100,000 events takes, and what another endpoint notices of four at once.</summary>
internal static class BurstBenchmark
{
    private const int Events = 100_000;
    private const int Replays = 4;
    private const string Data = """{"symbol":"MSFT","price":412.25,"volume":1200}""";

    public static void Map(WebApplication app)
    {
        app.MapGet("/funcsse", () => new SseStreamResult<string>((_, _) => ReplayAsync()));
        app.MapGet("/typed", () => TypedResults.ServerSentEvents(ReplayAsync()));
        app.MapGet("/other", () => "other");
    }

    public static Task RunAsync(Options options)
    {
        var rounds = new Rounds<string>(["funcsse", "typed"], options.Rounds, path =>
        {
            using ServerProcess server = Servers.Start("replay");
            Replay(server.Address, path); // It compiles the code.
            return new()
            {
                ["ms for one replay"] = Replay(server.Address, path),
                ["p99 of another endpoint, ms"] = AskDuringReplays(server.Address, path, options.Window),
            };
        });
        rounds.Print($"{Events:N0} events of {Data.Length} bytes that are there at once, and {Replays} such replays");
        return Task.CompletedTask;
    }

    private static double Replay(IPEndPoint server, string path)
    {
        long start = Stopwatch.GetTimestamp();
        using Socket socket = ServerProcess.Get(server, $"/{path}");
        byte[] buffer = new byte[256 * 1024];
        for (int events = 0, bytes; events < Events; events += buffer.AsSpan(0, bytes).Count((byte)'{'))
        {
            bytes = socket.Receive(buffer) is > 0 and int some ? some : throw new BenchmarkException("the replay was cut.");
        }

        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    private static double AskDuringReplays(IPEndPoint server, string path, TimeSpan time)
    {
        long start = Stopwatch.GetTimestamp();
        Task[] replays = [.. Enumerable.Range(0, Replays).Select(_ => Task.Factory.StartNew(Repeat, TaskCreationOptions.LongRunning))];
        var times = new List<double>();
        byte[] answer = new byte[1024];
        for (; Stopwatch.GetElapsedTime(start) < time; Thread.Sleep(2))
        {
            long asked = Stopwatch.GetTimestamp();
            using Socket socket = ServerProcess.Get(server, "/other");
            socket.Receive(answer);
            times.Add(Stopwatch.GetElapsedTime(asked).TotalMilliseconds);
        }

        Task.WaitAll(replays);
        return Figures.Percentile(times, 0.99);

        void Repeat()
        {
            while (Stopwatch.GetElapsedTime(start) < time)
            {
                Replay(server, path);
            }
        }
    }

    private static async IAsyncEnumerable<SseItem<string>> ReplayAsync()
    {
        for (int i = 0; i < Events; i++)
        {
            yield return new SseItem<string>(Data);
        }

        await Task.CompletedTask;
    }
}
