using System.Diagnostics;
using System.Net.Sockets;
using FuncSse.Streaming;

namespace FuncSse.Benchmarks;

/// <summary>
/// What the package costs the responses that are not streams: a download in small flushes, from an app that is set up for streams and from
/// one without the package.
/// </summary>
internal static class OthersBenchmark
{
    private const int FlushSize = 4 * 1024;
    private const int Size = 100 * 1024 * 1024;

    private static readonly string[] Apps = ["without the package", "set up for streams"];

    /// <summary>One of the two apps, in a process of its own.</summary>
    /// <param name="isForStreams">Which of them.</param>
    public static int Serve(bool isForStreams)
    {
        WebApplicationBuilder builder = WebApplication.CreateBuilder(["--urls", "http://127.0.0.1:0"]);
        builder.Logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning);
        if (isForStreams)
        {
            builder.Services.AddServerSentEvents().ConfigureServerForStreams();
        }

        WebApplication app = builder.Build();
        app.MapGet("/download", async (HttpContext http) =>
        {
            var block = new byte[FlushSize];
            http.Response.ContentLength = Size;
            for (int sent = 0; sent < Size; sent += FlushSize)
            {
                await http.Response.BodyWriter.WriteAsync(block, http.RequestAborted);
            }
        });
        app.Run();
        return 0;
    }

    public static int Run(BenchmarkOptions options)
    {
        ServerProcess[] servers = [.. Apps.Select((_, app) => ServerProcess.Start(
            ServerCatalog.Dotnet(typeof(OthersBenchmark).Assembly.Location, "serve-others", app == 0 ? "without" : "with")))];
        try
        {
            List<double>[] times = [[], []];
            List<double>[] processor = [[], []];

            // The first rounds compile the code and are not counted. Each round begins with the other app.
            for (int round = -2; round < options.Rounds; round++)
            {
                Progress.Show($"round {round + 1} of {options.Rounds}");
                foreach (int app in round % 2 == 0 ? (int[])[0, 1] : [1, 0])
                {
                    TimeSpan before = servers[app].ProcessorTime;
                    double time = Download(servers[app]);
                    if (round >= 0)
                    {
                        times[app].Add(time);
                        processor[app].Add((servers[app].ProcessorTime - before).TotalMilliseconds);
                    }
                }
            }

            Progress.Clear();
            Print(times, processor);
            return 0;
        }
        finally
        {
            Array.ForEach(servers, server => server.Dispose());
        }
    }

    private static double Download(ServerProcess server)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 30_000 };
        socket.Connect(server.Address);
        long start = Stopwatch.GetTimestamp();
        socket.Send("GET /download HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"u8);
        var buffer = new byte[256 * 1024];
        long received = 0;
        while (socket.Receive(buffer) is > 0 and int bytes)
        {
            received += bytes;
        }

        return received > Size
            ? Stopwatch.GetElapsedTime(start).TotalMilliseconds
            : throw new BenchmarkException($"The download ended after {received:N0} bytes.");
    }

    private static void Print(List<double>[] times, List<double>[] processor)
    {
        Console.WriteLine($"{Machine.Describe()}. {times[0].Count} downloads each.\n");
        Console.WriteLine("| 100 MB in flushes of 4 KB | ms | ÷ without | CPU ms | ÷ without |\n| --- | ---: | ---: | ---: | ---: |");
        for (int app = 0; app < Apps.Length; app++)
        {
            Console.WriteLine(
                $"| {Apps[app]} | {Figures.Spread(times[app])} | {Ratio(times, app)} | {Figures.Spread(processor[app])} | {Ratio(processor, app)} |");
        }
    }

    // Of each round by itself, since the two downloads of a round meet the same machine.
    private static string Ratio(List<double>[] values, int app) => Figures.Short(Figures.Median(values[app].Zip(values[0], (one, other) => one / other)));
}
