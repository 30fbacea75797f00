using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Unicode;

namespace FuncSse.Benchmarks;

/// <summary>
/// The minimum that any server must do: one thread, and one send() of a few bytes for each event and stream. It has no time-outs, no
/// limits, one topic, and no HTTP except the bytes that a client needs; its cost is the kernel's.
/// </summary>
/// <param name="isCounter">Whether each stream counts; otherwise it has the events that are published.</param>
internal sealed class Floor(bool isCounter)
{
    // All counters have one interval, so the order in which they are due never changes: a queue is the whole schedule.
    private readonly Queue<(Socket Client, long Due, int Count)> _counters = [];
    private readonly List<Socket> _subscribers = [];
    private readonly List<Socket> _publishers = [];
    private readonly byte[] _buffer = new byte[8 * 1024];
    private int _published;

    public static Task RunAsync(bool isCounter) => Task.Run(new Floor(isCounter).Run);

    private void Run()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(4096);
        Console.WriteLine($"http://{listener.LocalEndPoint}");
        while (true)
        {
            List<Socket> ready = [listener, .. _publishers];
            Socket.Select(ready, null, null, UntilNext());
            foreach (Socket socket in ready)
            {
                Serve(socket == listener ? listener.Accept() : socket);
            }

            long now = Stopwatch.GetTimestamp();
            while (_counters.TryPeek(out (Socket Client, long Due, int Count) next) && next.Due <= now)
            {
                _counters.Dequeue();
                (next.Due, next.Count) = (next.Due + Stopwatch.Frequency, next.Count + 1);
                Utf8.TryWrite(_buffer, $"id: {next.Count}\ndata: {next.Count}\n\n", out int written);
                if (TrySend(next.Client, _buffer.AsSpan(0, written)))
                {
                    _counters.Enqueue(next);
                }
            }
        }
    }

    private TimeSpan UntilNext()
    {
        if (!_counters.TryPeek(out (Socket, long Due, int) next))
        {
            return Timeout.InfiniteTimeSpan;
        }

        // poll() counts whole milliseconds. They are rounded up, so that it does not spin through the last one.
        TimeSpan left = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), next.Due);
        return left <= TimeSpan.Zero ? TimeSpan.Zero : TimeSpan.FromMilliseconds(Math.Ceiling(left.TotalMilliseconds));
    }

    private void Serve(Socket client)
    {
        client.NoDelay = true;
        client.ReceiveTimeout = 1000;
        int length = client.Receive(_buffer, SocketFlags.None, out _);
        if (_buffer.AsSpan(0, length).StartsWith("GET "u8))
        {
            client.Send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nConnection: close\r\n\r\nretry: 1000\n\n"u8);
            client.Blocking = isCounter;
            if (isCounter)
            {
                _counters.Enqueue((client, Stopwatch.GetTimestamp() + Stopwatch.Frequency, LoadStream.CounterStart));
            }
            else
            {
                _subscribers.Add(client);
            }
        }
        else if (length > 0)
        {
            Publish(client, length);
        }
        else
        {
            _publishers.Remove(client);
            client.Dispose();
        }
    }

    private void Publish(Socket publisher, int length)
    {
        int body;
        while ((body = _buffer.AsSpan(0, length).IndexOf("\r\n\r\n"u8) + 4) < 4 || length < body + Publisher.DataSize)
        {
            length += publisher.Receive(_buffer.AsSpan(length));
        }

        byte[] frame = [.. Encoding.ASCII.GetBytes($"id: {++_published}\ndata: "), .. _buffer.AsSpan(body, length - body), .. "\n\n"u8];
        publisher.Send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"u8);
        if (!_publishers.Contains(publisher))
        {
            _publishers.Add(publisher);
        }

        _subscribers.RemoveAll(subscriber => !TrySend(subscriber, frame));
    }

    // A client that left is forgotten.
    private static bool TrySend(Socket client, ReadOnlySpan<byte> frame)
    {
        client.Send(frame, SocketFlags.None, out SocketError error);
        if (error != SocketError.Success)
        {
            client.Dispose();
        }

        return error == SocketError.Success;
    }
}
