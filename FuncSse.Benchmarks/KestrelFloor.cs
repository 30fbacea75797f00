using System.Collections.Concurrent;
using System.Diagnostics;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Mvc;

namespace FuncSse.Benchmarks;

/// <summary>
/// The least that a server on Kestrel must do: it holds the requests, and one thread writes to all that are due in the same 10 ms. No feed,
/// no keep-alive, no end, no slow client; what it costs is Kestrel's and the kernel's.
/// </summary>
internal sealed class KestrelFloor
{
    private const int Slots = 100;
    private const int SlotMilliseconds = 10;

    private readonly ConcurrentQueue<Stream> _opened = new();
    private readonly List<Stream>[] _slots = [.. Enumerable.Range(0, Slots).Select(_ => new List<Stream>())];

    public KestrelFloor() => new Thread(Run) { IsBackground = true }.Start();

    public async Task HoldAsync([FromHeader(Name = "Last-Event-ID")] int last, HttpContext context)
    {
        context.Response.ContentType = "text/event-stream";
        await context.Response.WriteAsync("retry: 1000\n\n");
        var stream = new Stream(context.Response.BodyWriter) { Count = last };
        _opened.Enqueue(stream);
        await stream.Closed.Task;
    }

    private void Run()
    {
        long start = Stopwatch.GetTimestamp();
        for (long slot = 1; ; slot++)
        {
            TimeSpan wait = TimeSpan.FromMilliseconds(slot * SlotMilliseconds) - Stopwatch.GetElapsedTime(start);
            if (wait > TimeSpan.Zero)
            {
                Thread.Sleep((int)Math.Ceiling(wait.TotalMilliseconds));
            }

            _slots[slot % Slots].RemoveAll(stream => !TrySend(stream));
            while (_opened.TryDequeue(out Stream? stream))
            {
                _slots[(slot + Slots - 1) % Slots].Add(stream);
            }
        }
    }

    private static bool TrySend(Stream stream)
    {
        PeerServers.WriteEvent(stream.Writer, ++stream.Count);
        ValueTask<FlushResult> flush = stream.Writer.FlushAsync();
        if (flush.IsCompletedSuccessfully && !flush.Result.IsCompleted)
        {
            return true;
        }

        stream.Closed.TrySetResult();
        return false;
    }

    private sealed class Stream(PipeWriter writer)
    {
        public PipeWriter Writer { get; } = writer;

        public int Count { get; set; }

        public TaskCompletionSource Closed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
