using System.Net.Sockets;
using System.Text;

namespace FuncSse.Tests;

/// <summary>A client that does with its socket what no well-behaved one does.</summary>
internal sealed class RawClient : IDisposable
{
    private readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private bool _isGone;

    public static async Task<RawClient> SendAsync(Uri server, ReadOnlyMemory<byte> request)
    {
        var client = new RawClient();
        client._socket.ReceiveBufferSize = 4096; // Little room, so that who does not read is felt soon.
        await client._socket.ConnectAsync(server.Host, server.Port, TestContext.Current.CancellationToken);
        await client._socket.SendAsync(request, TestContext.Current.CancellationToken);
        return client;
    }

    public static Task<RawClient> GetAsync(Uri server, string path = "/events") =>
        SendAsync(server, Encoding.Latin1.GetBytes($"GET {path} HTTP/1.1\r\nHost: {server.Authority}\r\n\r\n"));

    /// <summary>Reads until some text has come or the server is done; returns all that was read.</summary>
    public async Task<string> ReadUntilAsync(string text)
    {
        var read = new StringBuilder();
        byte[] buffer = new byte[4096];
        while (!read.ToString().Contains(text, StringComparison.Ordinal))
        {
            int count = await _socket.ReceiveAsync(buffer, TestContext.Current.CancellationToken);
            if (count == 0)
            {
                break;
            }

            read.Append(Encoding.Latin1.GetString(buffer, 0, count));
        }

        return read.ToString();
    }

    public async Task<int> ReadSomeAsync(int bytes) => await _socket.ReceiveAsync(new byte[bytes], TestContext.Current.CancellationToken);

    /// <summary>Says that it will send no more, and could still read.</summary>
    public void CloseHalf() => _socket.Shutdown(SocketShutdown.Send);

    /// <summary>Goes away in the middle of whatever is under way, with a reset.</summary>
    public void Vanish()
    {
        _socket.LingerState = new LingerOption(enable: true, seconds: 0);
        _socket.Dispose();
        _isGone = true;
    }

    public void Dispose()
    {
        if (!_isGone)
        {
            Vanish();
        }
    }
}
