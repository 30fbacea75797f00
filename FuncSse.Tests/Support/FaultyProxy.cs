using System.Net;
using System.Net.Sockets;
using System.Text;

namespace FuncSse.Tests;

/// <summary>A way to a server that can break as networks do: it stops to forward bytes, or it resets all connections and refuses new ones.</summary>
internal sealed class FaultyProxy : IAsyncDisposable
{
    private readonly int _server;
    private readonly List<Socket> _sockets = [];
    private TcpListener _listener = new(IPAddress.Loopback, 0);
    private CancellationTokenSource _forwarding = new();

    public FaultyProxy(int server)
    {
        _server = server;
        Listen();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
    }

    public int Port { get; }

    /// <summary>Whether a piece of what is sent is not forwarded, by its text.</summary>
    public Func<string, bool> Swallows { get; set; } = _ => false;

    /// <summary>Forwards nothing more over the connections that are open, and leaves them open. New ones work.</summary>
    public void Swallow()
    {
        _forwarding.Cancel();
        _forwarding = new CancellationTokenSource();
    }

    /// <summary>Resets all connections and takes no new ones, as a server that was killed.</summary>
    public void Refuse()
    {
        _listener.Stop();
        Reset();
    }

    public void Listen()
    {
        _listener = new TcpListener(IPAddress.Loopback, Port);
        _listener.Start();
        _ = AcceptAsync(_listener);
    }

    public ValueTask DisposeAsync()
    {
        Refuse();
        return ValueTask.CompletedTask;
    }

    private void Reset()
    {
        lock (_sockets)
        {
            foreach (Socket socket in _sockets)
            {
                socket.LingerState = new LingerOption(enable: true, seconds: 0);
                socket.Dispose();
            }

            _sockets.Clear();
        }
    }

    private async Task AcceptAsync(TcpListener listener)
    {
        try
        {
            while (true)
            {
                Socket client = await listener.AcceptSocketAsync();
                var server = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                await server.ConnectAsync(IPAddress.Loopback, _server);
                lock (_sockets)
                {
                    _sockets.AddRange([client, server]);
                }

                _ = ForwardAsync(client, server, _forwarding.Token);
                _ = ForwardAsync(server, client, _forwarding.Token);
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // It was stopped.
        }
    }

    private async Task ForwardAsync(Socket from, Socket to, CancellationToken cancellationToken)
    {
        try
        {
            byte[] buffer = new byte[16 * 1024];
            for (int count; (count = await from.ReceiveAsync(buffer, cancellationToken)) > 0;)
            {
                if (!Swallows(Encoding.Latin1.GetString(buffer, 0, count)))
                {
                    await to.SendAsync(buffer.AsMemory(0, count), cancellationToken);
                }
            }

            to.Shutdown(SocketShutdown.Send);
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // One side was reset, or the bytes are to be swallowed from now on.
        }
    }
}
