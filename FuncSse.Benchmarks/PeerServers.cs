using System.Globalization;
using System.IO.Pipelines;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Unicode;
using FuncSse.Streaming;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace FuncSse.Benchmarks;

/// <summary>What else a user of .NET would write: the same counter, one event a second, each as its documentation shows it.</summary>
internal static class PeerServers
{
    private const string LastEventId = "Last-Event-ID";

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    public static int Run(string peer)
    {
        if (peer == "floor")
        {
            return FloorServer.Run();
        }

        WebApplicationBuilder builder = WebApplication.CreateBuilder(["--urls", "http://127.0.0.1:0"]);

        // As the web template's appsettings.json has it: no log line a request.
        builder.Logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning);
        if (peer == "kestrel")
        {
            builder.Services.Configure<SocketTransportOptions>(sockets => sockets.UnsafePreferInlineScheduling = true);
        }

        if (peer == "funcsse-json")
        {
            builder.Services.AddServerSentEvents().ConfigureServerForStreams();
        }

        WebApplication app = builder.Build();
        Delegate handler = peer switch
        {
            "typed" => ([FromHeader(Name = LastEventId)] int last, CancellationToken cancelled) =>
                TypedResults.ServerSentEvents(CountWithDelay(last, cancelled)),
            "typed-periodic" => ([FromHeader(Name = LastEventId)] int last, CancellationToken cancelled) =>
                TypedResults.ServerSentEvents(CountWithTimer(last, cancelled)),
            "typed-json" => ([FromHeader(Name = LastEventId)] int last, CancellationToken cancelled) =>
                TypedResults.ServerSentEvents(CountInJson(last, cancelled)),
            "funcsse-json" => ([FromHeader(Name = LastEventId)] int last) =>
                new SseStreamResult<int>((_, cancelled) => CountInJson(last, cancelled)),
            "pipe" => ([FromHeader(Name = LastEventId)] int last, HttpContext context) => WritePipe(last, context),
            "kestrel" => new KestrelFloor().HoldAsync,
            _ => throw new BenchmarkException($"There is no server '{peer}'."),
        };
        app.MapGet("/events", handler);
        app.Run();
        return 0;
    }

    public static void WriteEvent(PipeWriter writer, int count)
    {
        Span<byte> frame = writer.GetSpan(64);
        Utf8.TryWrite(frame, $"id: {count}\ndata: {count}\n\n", out int written);
        writer.Advance(written);
    }

    private static async IAsyncEnumerable<SseItem<string>> CountWithDelay(int last, [EnumeratorCancellation] CancellationToken cancelled)
    {
        for (int count = last + 1; ; count++)
        {
            await Task.Delay(Interval, cancelled);
            yield return Item(count);
        }
    }

    private static async IAsyncEnumerable<SseItem<string>> CountWithTimer(int last, [EnumeratorCancellation] CancellationToken cancelled)
    {
        using var timer = new PeriodicTimer(Interval);
        for (int count = last + 1; await timer.WaitForNextTickAsync(cancelled); count++)
        {
            yield return Item(count);
        }
    }

    private static async IAsyncEnumerable<SseItem<int>> CountInJson(int last, [EnumeratorCancellation] CancellationToken cancelled)
    {
        using var timer = new PeriodicTimer(Interval);
        for (int count = last + 1; await timer.WaitForNextTickAsync(cancelled); count++)
        {
            yield return new SseItem<int>(count) { EventId = count.ToString(CultureInfo.InvariantCulture) };
        }
    }

    // Strings, since anything else goes through the JSON serialiser first.
    private static SseItem<string> Item(int count)
    {
        string text = count.ToString(CultureInfo.InvariantCulture);
        return new SseItem<string>(text) { EventId = text };
    }

    private static async Task WritePipe(int last, HttpContext context)
    {
        HttpResponse response = context.Response;
        response.ContentType = "text/event-stream";
        response.Headers.CacheControl = "no-cache";
        try
        {
            using var timer = new PeriodicTimer(Interval);
            for (int count = last + 1; await timer.WaitForNextTickAsync(context.RequestAborted); count++)
            {
                WriteEvent(response.BodyWriter, count);
                await response.BodyWriter.FlushAsync(context.RequestAborted);
            }
        }
        catch (OperationCanceledException)
        {
            // The client left.
        }
    }
}
