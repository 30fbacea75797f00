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

/// <summary>Wraps Kestrel's socket transport. Only the output of its connections differs: it is a <see cref="DirectSocketWriter"/>.</summary>
internal sealed class DirectTransport : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    private readonly SocketTransportFactory _sockets;
    private readonly long _maxBufferedBytes;

    public DirectTransport(IOptions<SocketTransportOptions> options, ILoggerFactory loggers)
    {
        // Kestrel's pipe is full with its first byte, so that its flush completes only when the socket has taken everything. The writer
        // applies the app's limit to other responses instead. It uses twice the limit, because it counts bytes that have been sent until
        // the pipe is empty. With the limit itself, a download in flushes of 4 KB took 1.05 to 1.1 times as long as on Kestrel's transport.
        _maxBufferedBytes = 2 * options.Value.MaxWriteBufferSize ?? long.MaxValue;
        options.Value.MaxWriteBufferSize = 1;
        _sockets = new SocketTransportFactory(options, loggers);
    }

    public bool CanBind(EndPoint endpoint) => _sockets.CanBind(endpoint);

    public async ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) =>
        new Listener(await _sockets.BindAsync(endpoint, cancellationToken), _maxBufferedBytes);

    internal sealed class Listener(IConnectionListener listener, long maxBufferedBytes) : IConnectionListener
    {
        public EndPoint EndPoint => listener.EndPoint;

        public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
        {
            ConnectionContext? connection = await listener.AcceptAsync(cancellationToken);
            return connection?.Features.Get<IConnectionSocketFeature>()?.Socket is { } socket && TrySetNonBlocking(socket)
                ? new Connection(connection, socket, maxBufferedBytes)
                : connection;
        }

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default) => listener.UnbindAsync(cancellationToken);

        public ValueTask DisposeAsync() => listener.DisposeAsync();

        // An exception from AcceptAsync would end the listener for all clients.
        private static bool TrySetNonBlocking(Socket socket)
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

        public Connection(ConnectionContext connection, Socket socket, long maxBufferedBytes)
        {
            _connection = connection;
            (Input, _output) = (connection.Transport.Input, new DirectSocketWriter(socket, connection.Transport.Output, maxBufferedBytes));
            connection.Transport = this; // Features.Get<IConnectionTransportFeature>() returns it too.
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
                await _output.CompleteAsync(); // Sends the bytes that were not flushed, as Kestrel does.
            }
            finally
            {
                await _connection.DisposeAsync();
                await base.DisposeAsync();
            }
        }
    }
}
