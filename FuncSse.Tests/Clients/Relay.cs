using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;

namespace FuncSse.Tests.Clients;

/// <summary>Where a relay does not cut a connection.</summary>
internal enum Spared
{
    Nothing,

    /// <summary>Between the line of an id and the empty line: there are clients that have taken the id by then, and lose the event.</summary>
    AfterIds,

    /// <summary>Within an answer before the first byte of its body: there is a client that gives up then.</summary>
    BeforeBodies,

    /// <summary>After any line of an event but the last: there are clients that put what they have before the next connection's first lines.</summary>
    WithinEvents,
}

/// <summary>
/// A client's way to a server. It counts what the client asks, cuts connections after a number of bytes that a seed gives, and can answer in
/// place of the server.
/// </summary>
internal sealed partial class Relay : IDisposable
{
    private const int LongestPiece = 1500; // bytes of an answer between two cuts: some frames, or less than the headers

    private readonly int _server;
    private readonly Regex? _spared;
    private readonly Random _random;
    private readonly HashSet<Socket> _sockets = [];
    private readonly Lock _gate = new();
    private TcpListener _listener = new(IPAddress.Loopback, 0);
    private string? _next;
    private string? _last;

    /// <param name="server">The port of the server.</param>
    /// <param name="seed">It decides where connections are cut, and how.</param>
    /// <param name="spared">Where it does not cut.</param>
    public Relay(int server, int seed, Spared spared)
    {
        _server = server;
        _spared = spared switch
        {
            Spared.AfterIds => AfterId(),
            Spared.BeforeBodies => BeforeBody(),
            Spared.WithinEvents => WithinEvent(),
            _ => null,
        };
        _random = new Random(seed);
        Listen();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
    }

    public int Port { get; }

    /// <summary>The port of the server whose frame makes a page of the same origin.</summary>
    public int Pages { get; set; }

    /// <summary>How many GET and POST requests the client sent, those for the frame left out.</summary>
    public int Requests { get; private set; }

    /// <summary>How many answers were cut.</summary>
    public int Cuts { get; private set; }

    /// <summary>Whether connections are cut now.</summary>
    public bool IsCutting { get; set; }

    /// <summary>Cuts the connection as soon as a position frame went through, once.</summary>
    public bool CutsAfterPosition { get; set; }

    /// <summary>Gives the next GET or POST this answer in place of the server's, and HEAD requests until the one after it.</summary>
    public void AnswerNext(string status) =>
        _next = $"HTTP/1.1 {status}\r\nAccess-Control-Allow-Origin: *\r\nContent-Type: text/plain\r\n{(status[0] == '2' ? "" : "Content-Length: 0\r\n")}Connection: close\r\n\r\n";

    /// <summary>Resets all connections that are open.</summary>
    public void Reset()
    {
        lock (_gate)
        {
            foreach (Socket socket in _sockets)
            {
                Break(socket, isReset: true);
            }

            _sockets.Clear();
        }
    }

    /// <summary>Refuses new connections until <see cref="Listen"/>. Those that are open stay.</summary>
    public void Refuse() => _listener.Stop();

    public void Listen()
    {
        _listener = new TcpListener(IPAddress.Loopback, Port);
        _listener.Start();
        _ = AcceptAsync(_listener);
    }

    public void Dispose()
    {
        Refuse();
        Reset();
    }

    private async Task AcceptAsync(TcpListener listener)
    {
        try
        {
            while (true)
            {
                Socket client = await listener.AcceptSocketAsync();
                client.NoDelay = true;
                _ = ServeAsync(client);
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // It was stopped.
        }
    }

    private async Task ServeAsync(Socket client)
    {
        using var server = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        lock (_gate)
        {
            _sockets.UnionWith([client, server]);
        }

        try
        {
            byte[] request = new byte[16 * 1024];
            int count = await client.ReceiveAsync(request);
            await server.ConnectAsync(IPAddress.Loopback, Frame().IsMatch(Encoding.Latin1.GetString(request, 0, count)) ? Pages : _server);
            await Task.WhenAny(ForwardRequestsAsync(client, server, request, count), ForwardAnswersAsync(server, client)).Unwrap();
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // One side was reset.
        }
        finally
        {
            client.Dispose();
            lock (_gate)
            {
                _sockets.ExceptWith([client, server]);
            }
        }
    }

    private async Task ForwardRequestsAsync(Socket client, Socket server, byte[] buffer, int count)
    {
        for (; count > 0; count = await client.ReceiveAsync(buffer))
        {
            string method = Request().Match(Encoding.Latin1.GetString(buffer, 0, count)).Groups[1].Value;
            if (method is "GET" or "POST")
            {
                Requests++;
                _last = Interlocked.Exchange(ref _next, null);
            }

            if (method.Length > 0 && _last is { } answer)
            {
                await client.SendAsync(Encoding.ASCII.GetBytes(answer));
                client.Shutdown(SocketShutdown.Send);
                continue;
            }

            await server.SendAsync(buffer.AsMemory(0, count));
        }
    }

    private async Task ForwardAnswersAsync(Socket server, Socket client)
    {
        byte[] buffer = new byte[16 * 1024];
        string sent = "";
        int? left = null; // bytes until the cut
        for (int count; (count = await server.ReceiveAsync(buffer)) > 0;)
        {
            string piece = Encoding.Latin1.GetString(buffer, 0, count);
            left ??= CutsAfterPosition && Position().Match(sent + piece) is { Success: true } position ? position.Index + position.Length - sent.Length
                : IsCutting ? _random.Next(1, LongestPiece) : null;
            while (left <= count && _spared?.IsMatch(sent + piece[..left.Value]) == true)
            {
                left++;
            }

            await client.SendAsync(buffer.AsMemory(0, Math.Min(left ?? count, count)));
            if (left <= count)
            {
                if (CutsAfterPosition)
                {
                    await Task.Delay(500); // A client throws away what it has not read yet when its connection breaks, and with it the position.
                    CutsAfterPosition = false;
                }

                Cuts++;
                Break(client, isReset: _random.Next(2) == 0);
                return;
            }

            left -= count;
            sent += piece;
        }
    }

    private static void Break(Socket socket, bool isReset) => socket.Close(isReset ? 0 : -1);

    [GeneratedRegex("^GET /frame")]
    private static partial Regex Frame();

    [GeneratedRegex("^(GET|POST|HEAD) /(?!frame)")]
    private static partial Regex Request();

    [GeneratedRegex("event: position\ndata: {}\nid: [^\n]+\n\n")]
    private static partial Regex Position();

    [GeneratedRegex("\nid: [^\n]*\n\\z")]
    private static partial Regex AfterId();

    [GeneratedRegex("(\\A|\r\n0\r\n\r\n)(?!HTTP/1.1 .*?\r\n\r\n[0-9a-f]+\r\n.).+\\z", RegexOptions.Singleline)]
    private static partial Regex BeforeBody();

    [GeneratedRegex("\n(data|event|id): [^\n]*\n[^\n]*\\z")]
    private static partial Regex WithinEvent();
}
