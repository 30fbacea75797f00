using System.Net;
using System.Net.Sockets;
using System.Text;

namespace FuncSse.Tests;

/// <summary>A client that does with its socket what no well-behaved one does.</summary>
internal sealed class RawClient : IDisposable
{
    private readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private bool _isGone;

    // Of every wait, so that a fault fails its own test and does not hang the run.
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    public static async Task<RawClient> SendAsync(Uri server, ReadOnlyMemory<byte> request)
    {
        var client = new RawClient();
        client._socket.ReceiveBufferSize = 4096; // Little room, so that who does not read is felt soon.
        await client._socket.ConnectAsync(server.Host, server.Port, TestContext.Current.CancellationToken).AsTask().WaitAsync(s_limit);
        await client._socket.SendAsync(request, TestContext.Current.CancellationToken).AsTask().WaitAsync(s_limit);
        return client;
    }

    public static Task<RawClient> GetAsync(Uri server, string path = "/events") =>
        SendAsync(server, Encoding.Latin1.GetBytes($"GET {path} HTTP/1.1\r\nHost: {server.Authority}\r\n\r\n"));

    /// <summary>Asks by HTTP/2 with prior knowledge (RFC 9113 §3.3), and lets the server send as much as may be.</summary>
    public static Task<RawClient> GetByHttp2Async(Uri server, string path)
    {
        const int MaxWindow = int.MaxValue;
        const int FirstWindow = 65_535;
        // :method GET and :scheme http from HPACK's table, then :path and :authority as literals (RFC 7541 §6.2.2, appendix A).
        byte[] headers = [0x82, 0x86, .. Literal(0x04, path), .. Literal(0x01, server.Authority)];
        return SendAsync(server, (byte[])
        [
            .. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8,
            .. Frame(type: 0x4, flags: 0, stream: 0, [0, 0x4, .. BigEndian(MaxWindow)]), // SETTINGS_INITIAL_WINDOW_SIZE
            .. Frame(type: 0x8, flags: 0, stream: 0, BigEndian(MaxWindow - FirstWindow)), // WINDOW_UPDATE of the connection
            .. Frame(type: 0x1, flags: 0x5, stream: 1, headers), // HEADERS that are whole, and all of the request
        ]);

        static byte[] Literal(byte name, string value) => [name, (byte)value.Length, .. Encoding.Latin1.GetBytes(value)];

        static byte[] Frame(byte type, byte flags, byte stream, byte[] payload) =>
            [0, 0, (byte)payload.Length, type, flags, 0, 0, 0, stream, .. payload];

        static byte[] BigEndian(int number) => BitConverter.GetBytes(IPAddress.HostToNetworkOrder(number));
    }

    /// <summary>Reads until some text has come or the server is done; returns all that was read.</summary>
    public async Task<string> ReadUntilAsync(string text)
    {
        var read = new StringBuilder();
        byte[] buffer = new byte[4096];
        while (!read.ToString().Contains(text, StringComparison.Ordinal))
        {
            int count = await ReceiveAsync(buffer);
            if (count == 0)
            {
                break;
            }

            read.Append(Encoding.Latin1.GetString(buffer, 0, count));
        }

        return read.ToString();
    }

    public Task<int> ReadSomeAsync(int bytes) => ReceiveAsync(new byte[bytes]);

    private Task<int> ReceiveAsync(byte[] buffer) => _socket.ReceiveAsync(buffer, TestContext.Current.CancellationToken).AsTask().WaitAsync(s_limit);

    /// <summary>Reads all that is still to come, until the server closes the connection or resets it.</summary>
    public async Task ReadToEndAsync()
    {
        try
        {
            while (await ReadSomeAsync(64 * 1024) > 0)
            {
            }
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.ConnectionReset)
        {
            // No less an end.
        }
    }

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
