using System.Net;
using System.Net.Sockets;
using System.Text;

namespace FuncSse.Benchmarks;

/// <summary>
/// The least that any server of topics must do: one thread, the event encoded once, one send() a subscriber. No topics, nothing to resume,
/// no slow clients, no HTTP but the bytes that a client needs; what it costs is the kernel's.
/// </summary>
internal sealed class TopicFloor
{
    private static readonly byte[] s_head =
    [
        .. "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nConnection: close\r\n\r\n"u8,
        .. "retry: 1000\n\n"u8,
    ];

    private readonly List<Socket> _subscribers = [];
    private readonly List<Socket> _publishers = [];
    private readonly byte[] _request = new byte[8 * 1024];
    private int _count;

    public static int Run()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(4096);
        Console.WriteLine($"http://{listener.LocalEndPoint}");
        var floor = new TopicFloor();
        while (true)
        {
            List<Socket> ready = [listener, .. floor._publishers];
            Socket.Select(ready, null, null, Timeout.InfiniteTimeSpan);
            foreach (Socket socket in ready)
            {
                floor.Serve(socket == listener ? listener.Accept() : socket);
            }
        }
    }

    private void Serve(Socket client)
    {
        client.NoDelay = true;
        client.Blocking = true;
        client.ReceiveTimeout = 1000;
        int length = client.Receive(_request, SocketFlags.None, out _);
        if (_request.AsSpan(0, length).StartsWith("GET "u8))
        {
            client.Send(s_head);
            client.Blocking = false;
            _subscribers.Add(client);
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
        while ((body = _request.AsSpan(0, length).IndexOf("\r\n\r\n"u8) + 4) < 4 || length < body + TopicPublishers.DataSize)
        {
            length += publisher.Receive(_request.AsSpan(length));
        }

        byte[] frame = [.. Encoding.ASCII.GetBytes($"id: {++_count}\ndata: "), .. _request.AsSpan(body, length - body), .. "\n\n"u8];
        publisher.Send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"u8);
        if (!_publishers.Contains(publisher))
        {
            _publishers.Add(publisher);
        }

        _subscribers.RemoveAll(subscriber =>
        {
            subscriber.Send(frame, SocketFlags.None, out SocketError error);
            if (error != SocketError.Success)
            {
                subscriber.Dispose();
            }

            return error != SocketError.Success;
        });
    }
}
