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

    public static void AddPackage(WebApplicationBuilder builder) => builder.Services.AddServerSentEvents().ConfigureServerForStreams();

    public static void Map(WebApplication app) => app.MapGet("/download", async (HttpContext http) =>
    {
        var block = new byte[FlushSize];
        http.Response.ContentLength = Size;
        for (int sent = 0; sent < Size; sent += FlushSize)
        {
            await http.Response.BodyWriter.WriteAsync(block, http.RequestAborted);
        }
    });

    public static Task RunAsync(Options options)
    {
        const string Without = "download", With = "download-with-package";
        using ServerProcess without = Servers.Start(Without);
        using ServerProcess with = Servers.Start(With);
        var rounds = new Rounds<string>([Without, With], options.Rounds, name => Download(name == With ? with : without), warmUps: 2);
        rounds.Print("100 MB in flushes of 4 KB", new("ms", "÷ without", _ => Without), new("CPU ms", "÷ without", _ => Without));
        return Task.CompletedTask;
    }

    private static OrderedDictionary<string, double> Download(ServerProcess server)
    {
        TimeSpan processor = server.ProcessorTime;
        long start = Stopwatch.GetTimestamp(), received = 0;
        using Socket socket = ServerProcess.Get(server.Address, "/download");
        var buffer = new byte[256 * 1024];
        while (received < Size)
        {
            received += socket.Receive(buffer) is > 0 and int bytes ? bytes : throw new BenchmarkException($"the download ended after {received:N0} bytes.");
        }

        double time = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        return new() { ["ms"] = time, ["CPU ms"] = (server.ProcessorTime - processor).TotalMilliseconds };
    }
}
