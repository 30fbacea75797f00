using System.Net;
using System.Net.Sockets;
using System.Text;

namespace FuncSse.Tests.Client;

/// <summary>A server that sends bytes as the test says, one connection after another.</summary>
internal sealed class RawServer : IDisposable
{
    public const string Head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly List<string> _requests = [];

    /// <param name="answers">What is sent over each connection, in their order; the last one also over all that follow.</param>
    public RawServer(params Func<NetworkStream, Task>[] answers)
    {
        _listener.Start();
        Address = new Uri($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/stream");
        _ = AcceptAsync(answers);
    }

    public Uri Address { get; }

    public IReadOnlyList<string> Requests => _requests;

    /// <summary>Sends pieces as packets of their own, and ends the stream or leaves it open.</summary>
    public static Func<NetworkStream, Task> Packets(bool isLeftOpen, params string[] pieces) => async client =>
    {
        foreach (string piece in pieces)
        {
            await client.WriteAsync(Encoding.UTF8.GetBytes(piece));
            await Task.Delay(1); // Otherwise the kernel makes one packet of two.
        }

        if (isLeftOpen)
        {
            await client.CopyToAsync(Stream.Null);
        }
    };

    public static Task GoneAsync(NetworkStream client) => client.WriteAsync("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"u8.ToArray()).AsTask();

    public void Dispose() => _listener.Dispose();

    private async Task AcceptAsync(Func<NetworkStream, Task>[] answers)
    {
        try
        {
            for (int number = 0; ; number++)
            {
                _ = ServeAsync(await _listener.AcceptTcpClientAsync(), answers[Math.Min(number, answers.Length - 1)]);
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(TcpClient client, Func<NetworkStream, Task> answer)
    {
        using (client)
        {
            try
            {
                client.NoDelay = true;
                byte[] buffer = new byte[16 * 1024];
                int count = await client.GetStream().ReadAsync(buffer);
                _requests.Add(Encoding.Latin1.GetString(buffer, 0, count));
                await answer(client.GetStream());
            }
            catch (IOException)
            {
                // The client has left.
            }
        }
    }
}
