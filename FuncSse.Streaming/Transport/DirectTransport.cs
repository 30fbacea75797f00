using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FuncSse.Streaming;

/// <summary>Kestrel's own transport over sockets, except for the output of its connections: a <see cref="DirectSocketWriter"/>.</summary>
internal sealed class DirectTransport : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    private readonly SocketTransportFactory _sockets;
    private readonly long _maxBuffered;

    public DirectTransport(IOptions<SocketTransportOptions> options, ILoggerFactory loggers)
    {
        // Full with the first byte, so that a flush of Kestrel's pipe ends when the socket has taken all of it. What the app has set holds
        // for its other responses: the writer keeps to twice as much, because it counts what has been sent until nothing is left to send.
        // With the number itself, a download in small flushes waited more often than without this transport (4 KB: 1.05–1.1 times as long).
        _maxBuffered = 2 * options.Value.MaxWriteBufferSize ?? long.MaxValue;
        options.Value.MaxWriteBufferSize = 1;
        _sockets = new SocketTransportFactory(options, loggers);
    }

    public bool CanBind(EndPoint endpoint) => _sockets.CanBind(endpoint);

    public async ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) =>
        new Listener(await _sockets.BindAsync(endpoint, cancellationToken), _maxBuffered);

    internal sealed class Listener(IConnectionListener listener, long maxBuffered) : IConnectionListener
    {
        public EndPoint EndPoint => listener.EndPoint;

        public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
        {
            ConnectionContext? connection = await listener.AcceptAsync(cancellationToken);
            return connection?.Features.Get<IConnectionSocketFeature>()?.Socket is { } socket && TryUnblock(socket)
                ? new Connection(connection, socket, maxBuffered)
                : connection;
        }

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default) => listener.UnbindAsync(cancellationToken);

        public ValueTask DisposeAsync() => listener.DisposeAsync();

        // Whatever came out of here would end the listening, for all.
        private static bool TryUnblock(Socket socket)
        {
            try
            {
                socket.Blocking = false;
                return true;
            }
            catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
            {
                return false;
            }
        }
    }

    private sealed class Connection : ConnectionContext, IDuplexPipe, IStreamingConnectionFeature
    {
        private readonly ConnectionContext _connection;
        private readonly DirectSocketWriter _output;

        public Connection(ConnectionContext connection, Socket socket, long maxBuffered)
        {
            _connection = connection;
            (Input, _output) = (connection.Transport.Input, new DirectSocketWriter(socket, connection.Transport.Output, maxBuffered));
            connection.Transport = this; // Its features tell of it as well.
            connection.Features.Set<IStreamingConnectionFeature>(this);
        }

        public PipeReader Input { get; }

        public PipeWriter Output => _output;

        public void StreamStarted() => _output.StreamStarted();

        public void StreamEnded() => _output.StreamEnded();

        public int TrySend(ReadOnlySpan<byte> bytes) => _output.TrySend(bytes);

        public override IDuplexPipe Transport
        {
            get => _connection.Transport;
            set => _connection.Transport = value;
        }

        public override string ConnectionId
        {
            get => _connection.ConnectionId;
            set => _connection.ConnectionId = value;
        }

        public override IFeatureCollection Features => _connection.Features;

        public override IDictionary<object, object?> Items
        {
            get => _connection.Items;
            set => _connection.Items = value;
        }

        public override CancellationToken ConnectionClosed
        {
            get => _connection.ConnectionClosed;
            set => _connection.ConnectionClosed = value;
        }

        public override EndPoint? LocalEndPoint
        {
            get => _connection.LocalEndPoint;
            set => _connection.LocalEndPoint = value;
        }

        public override EndPoint? RemoteEndPoint
        {
            get => _connection.RemoteEndPoint;
            set => _connection.RemoteEndPoint = value;
        }

        public override void Abort() => _connection.Abort();

        public override void Abort(ConnectionAbortedException abortReason) => _connection.Abort(abortReason);

        public override async ValueTask DisposeAsync()
        {
            try
            {
                await _output.CompleteAsync(); // What was not flushed is sent all the same.
            }
            finally
            {
                await _connection.DisposeAsync();
                await base.DisposeAsync();
            }
        }
    }
}
