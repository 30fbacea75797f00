using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Text.Unicode;
using Microsoft.AspNetCore.Mvc;

namespace FuncSse.Benchmarks;

/// <summary>
/// The minimum that a server on Kestrel must do: it holds the requests, and one thread writes to those that are due in the same 10 ms. It
/// has no feed, no keep-alive, no end and no slow client; its cost is Kestrel's and the kernel's.
/// </summary>
internal static class KestrelFloor
{
    private const int SlotMilliseconds = 10;
    private const int Slots = 100;

    private static readonly ConcurrentQueue<(PipeWriter Writer, int Count)>[] s_slots =
        [.. Enumerable.Range(0, Slots).Select(_ => new ConcurrentQueue<(PipeWriter, int)>())];

    public static void Map(WebApplication app)
    {
        new Thread(Run) { IsBackground = true }.Start();
        app.MapGet("/events", async ([FromHeader(Name = "Last-Event-ID")] int last, HttpContext context) =>
        {
            context.Response.ContentType = "text/event-stream";
            await context.Response.WriteAsync("retry: 1000\n\n");
            s_slots[Environment.TickCount64 / SlotMilliseconds % Slots].Enqueue((context.Response.BodyWriter, last));
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        });
    }

    private static void Run()
    {
        for (long slot = Environment.TickCount64 / SlotMilliseconds; ; slot++)
        {
            Thread.Sleep((int)Math.Max(0, (slot * SlotMilliseconds) - Environment.TickCount64));
            ConcurrentQueue<(PipeWriter, int)> due = s_slots[slot % Slots];
            for (int left = due.Count; left > 0 && due.TryDequeue(out (PipeWriter Writer, int Count) stream); left--)
            {
                int count = stream.Count + 1;
                Utf8.TryWrite(stream.Writer.GetSpan(64), $"id: {count}\ndata: {count}\n\n", out int written);
                stream.Writer.Advance(written);
                ValueTask<FlushResult> flush = stream.Writer.FlushAsync();
                if (flush is { IsCompletedSuccessfully: true, Result.IsCompleted: false })
                {
                    due.Enqueue((stream.Writer, count));
                }
            }
        }
    }
}
