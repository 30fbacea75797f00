using System.IO.Pipelines;
using System.Text.Unicode;
using Microsoft.AspNetCore.Mvc;
using Requests = System.Collections.Concurrent.ConcurrentQueue<(System.IO.Pipelines.PipeWriter Writer, System.Threading.Tasks.TaskCompletionSource Left, int Count)>;

namespace FuncSse.Benchmarks;

/// <summary>
/// The minimum that a server on Kestrel must do: it holds the requests, and one thread writes to those that are due in the same 10 ms. It
/// has no feed, no keep-alive, no end and no slow client; its cost is Kestrel's and the kernel's.
/// </summary>
internal static class KestrelFloor
{
    private const int SlotMilliseconds = 10;
    private const int Slots = 100;

    private static readonly Requests[] s_slots = [.. Enumerable.Range(0, Slots).Select(_ => new Requests())];

    public static void Map(WebApplication app)
    {
        new Thread(Run) { IsBackground = true }.Start();
        app.MapGet("/events", async ([FromHeader(Name = "Last-Event-ID")] int last, HttpContext context) =>
        {
            context.Response.ContentType = "text/event-stream";
            await context.Response.WriteAsync("retry: 1000\n\n");
            var left = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            s_slots[Environment.TickCount64 / SlotMilliseconds % Slots].Enqueue((context.Response.BodyWriter, left, last));
            await left.Task; // The writer is valid until the request ends.
        });
    }

    private static void Run()
    {
        for (long slot = Environment.TickCount64 / SlotMilliseconds; ; slot++)
        {
            Thread.Sleep((int)Math.Max(0, (slot * SlotMilliseconds) - Environment.TickCount64));
            Requests due = s_slots[slot % Slots];
            for (int i = due.Count; i > 0 && due.TryDequeue(out (PipeWriter Writer, TaskCompletionSource Left, int Count) request); i--)
            {
                request.Count++;
                Utf8.TryWrite(request.Writer.GetSpan(64), $"id: {request.Count}\ndata: {request.Count}\n\n", out int written);
                request.Writer.Advance(written);
                ValueTask<FlushResult> flush = request.Writer.FlushAsync();
                if (flush is { IsCompletedSuccessfully: true, Result.IsCompleted: false })
                {
                    due.Enqueue(request);
                }
                else
                {
                    request.Left.SetResult();
                }
            }
        }
    }
}
