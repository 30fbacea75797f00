using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Unicode;

namespace FuncSse.Benchmarks;

/// <summary>
/// The least that any server must do: one thread, one send() an event, nothing else. No time-outs, no limits, no HTTP
/// but the bytes that a client needs; what it costs is the kernel's.
/// </summary>
internal static class FloorServer
{
    private static readonly byte[] Head =
    [
        .. "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nConnection: close\r\n\r\n"u8,
        .. "retry: 1000\n\n"u8,
    ];

    public static int Run()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(4096);
        Console.WriteLine($"http://{listener.LocalEndPoint}");

        // All streams have one interval, so the order in which they are due never changes: a queue is the whole schedule.
        var due = new Queue<FloorStream>();
        while (true)
        {
            if (listener.Poll(UntilNext(due), SelectMode.SelectRead))
            {
                due.Enqueue(Open(listener.Accept()));
            }

            long now = Stopwatch.GetTimestamp();
            while (due.TryPeek(out FloorStream? stream) && stream.Due <= now)
            {
                due.Dequeue();
                if (stream.SendNext())
                {
                    due.Enqueue(stream);
                }
            }
        }
    }

    private static TimeSpan UntilNext(Queue<FloorStream> due)
    {
        if (!due.TryPeek(out FloorStream? next))
        {
            return Timeout.InfiniteTimeSpan;
        }

        TimeSpan left = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), next.Due);

        // poll() counts whole milliseconds: rounded up, so that it does not spin through the last one.
        return left <= TimeSpan.Zero ? TimeSpan.Zero : TimeSpan.FromMilliseconds(Math.Ceiling(left.TotalMilliseconds));
    }

    private static FloorStream Open(Socket client)
    {
        client.NoDelay = true;
        client.ReceiveTimeout = 1000;
        Span<byte> request = stackalloc byte[1024];
        client.Receive(request, SocketFlags.None, out _);
        client.Send(Head, SocketFlags.None, out _);
        return new FloorStream(client);
    }

    private sealed class FloorStream(Socket client)
    {
        private int _count = LoadStream.LastEventId;

        public long Due { get; private set; } = Stopwatch.GetTimestamp() + Stopwatch.Frequency;

        /// <returns>Whether the client is still there.</returns>
        public bool SendNext()
        {
            _count++;
            Due += Stopwatch.Frequency;
            Span<byte> frame = stackalloc byte[64];
            Utf8.TryWrite(frame, $"id: {_count}\ndata: {_count}\n\n", out int written);
            client.Send(frame[..written], SocketFlags.None, out SocketError error);
            if (error == SocketError.Success)
            {
                return true;
            }

            client.Dispose();
            return false;
        }
    }
}
