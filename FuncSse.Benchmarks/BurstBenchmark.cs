using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.ServerSentEvents;
using System.Net.Sockets;
using FuncSse.Streaming;

namespace FuncSse.Benchmarks;

/// <summary>
/// A feed that never waits: how long the replay of 100,000 events takes, and what an endpoint beside it notices of four at once.
/// </summary>
internal static class BurstBenchmark
{
    private const int Events = 100_000;
    private const int Replays = 4;
    private const string Data = """{"symbol":"MSFT","price":412.25,"volume":1200}""";

    private static readonly string[] Servers = ["funcsse", "typed"];

    public static int Serve(string server)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(["--urls", "http://127.0.0.1:0"]);
        builder.Logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning);
        builder.Services.AddServerSentEvents().ConfigureServerForStreams();
        WebApplication app = builder.Build();
        app.MapGet("/replay", server == "funcsse"
            ? () => new SseStreamResult<string>((_, _) => ReplayAsync())
            : () => TypedResults.ServerSentEvents(ReplayAsync()));
        app.MapGet("/other", () => "other");
        app.Run();
        return 0;
    }

    public static int Run(BenchmarkOptions options)
    {
        var replays = Servers.ToDictionary(server => server, _ => new List<double>());
        var others = Servers.ToDictionary(server => server, _ => new List<double>());
        for (int round = 0; round < options.Rounds; round++)
        {
            foreach (string server in Servers)
            {
                Progress.Show($"round {round + 1} of {options.Rounds}, {server}");
                using ServerProcess process = ServerProcess.Start(ServerCatalog.Dotnet(typeof(BurstBenchmark).Assembly.Location, "burst", server));
                Replay(process.Address); // The first is not counted: the code is being compiled.
                replays[server].Add(Replay(process.Address));
                others[server].Add(AskBeside(process.Address, options.Seconds));
            }
        }

        Progress.Clear();
        Console.WriteLine($"{Machine.Describe()}. {Events:N0} events of {Data.Length} bytes, which are there at once.\n");
        Console.WriteLine($"| | ms for one replay | p99 of another endpoint beside {Replays}, ms |\n| --- | ---: | ---: |");
        foreach (string server in Servers)
        {
            Console.WriteLine($"| {(server == "typed" ? "`TypedResults.ServerSentEvents`" : "**FuncSse**")} | {Figures.Spread(replays[server])} | {Figures.Spread(others[server])} |");
        }

        return 0;
    }

    private static double Replay(IPEndPoint server)
    {
        long start = Stopwatch.GetTimestamp();
        using Socket socket = Ask(server, "/replay");
        byte[] buffer = new byte[256 * 1024];
        for (int events = 0; events < Events;)
        {
            int count = socket.Receive(buffer);
            events += count > 0 ? buffer.AsSpan(0, count).Count((byte)'{') : throw new BenchmarkException("The replay was cut.");
        }

        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    private static double AskBeside(IPEndPoint server, int seconds)
    {
        long start = Stopwatch.GetTimestamp();
        bool IsOver() => Stopwatch.GetElapsedTime(start).TotalSeconds > seconds;
        Thread[] threads = [.. Enumerable.Range(0, Replays).Select(_ => new Thread(() =>
        {
            while (!IsOver())
            {
                Replay(server);
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        var times = new List<double>();
        byte[] answer = new byte[1024];
        using Socket socket = Connect(server);
        while (!IsOver())
        {
            long asked = Stopwatch.GetTimestamp();
            socket.Send("GET /other HTTP/1.1\r\nHost: localhost\r\n\r\n"u8);
            socket.Receive(answer);
            times.Add(Stopwatch.GetElapsedTime(asked).TotalMilliseconds);
            Thread.Sleep(2);
        }

        Array.ForEach(threads, thread => thread.Join());
        times.Sort();
        return times[times.Count * 99 / 100];
    }

    private static Socket Ask(IPEndPoint server, string path)
    {
        Socket socket = Connect(server);
        socket.Send(System.Text.Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")));
        return socket;
    }

    private static Socket Connect(IPEndPoint server)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, ReceiveTimeout = 30_000 };
        socket.Connect(server);
        return socket;
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
