using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace FuncSse.Benchmarks;

/// <summary>One client's connection: a request, and a response that is read as it comes.</summary>
internal abstract class LoadConnection : IDisposable
{
    private readonly IPEndPoint _server;
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly SocketAsyncEventArgs _receive = new(unsafeSuppressExecutionContextFlow: true);
    private readonly ResponseReader _reader;
    private volatile int _count;
    private volatile string? _fault;
    private volatile bool _disposed;

    protected LoadConnection(IPEndPoint server, int bufferSize)
    {
        _server = server;
        _reader = new ResponseReader(ReadBody);
        _receive.SetBuffer(new byte[bufferSize]);
        _receive.Completed += (_, _) => Receive(completed: true);
    }

    /// <summary>Stopwatch ticks.</summary>
    public long Sent { get; private set; }

    /// <summary>Stopwatch ticks; 0 before the first byte of the response.</summary>
    public long FirstByte { get; private set; }

    /// <summary>The events that came.</summary>
    public int Count => _count;

    public string? Fault => _fault;

    /// <summary>When the bytes that are read now came, in Stopwatch ticks.</summary>
    protected long Now { get; private set; }

    public void Open(ReadOnlySpan<byte> request)
    {
        try
        {
            _socket.Connect(_server);
            Sent = Stopwatch.GetTimestamp();
            _socket.Send(request);
            Receive(completed: false);
        }
        catch (SocketException problem)
        {
            _fault = $"a stream could not be opened: {problem.Message}";
        }
    }

    public void Dispose()
    {
        _disposed = true;
        _socket.Dispose();
        _receive.Dispose();
    }

    /// <exception cref="InvalidDataException">It is not what it should be.</exception>
    protected abstract void ReadBody(ReadOnlySpan<byte> bytes);

    protected void Counted() => _count++;

    private void Receive(bool completed)
    {
        try
        {
            while (_fault is null && !_disposed)
            {
                if (!completed && _socket.ReceiveAsync(_receive))
                {
                    return;
                }

                completed = false;
                Read();
            }
        }
        catch (ObjectDisposedException) when (_disposed)
        {
            // The run is over.
        }
    }

    private void Read()
    {
        if (_receive.SocketError != SocketError.Success || _receive.BytesTransferred == 0)
        {
            _fault = $"a stream was cut after event {_count}: {_receive.SocketError}";
            return;
        }

        Now = Stopwatch.GetTimestamp();
        if (FirstByte == 0)
        {
            FirstByte = Now;
        }

        try
        {
            _reader.Read(_receive.MemoryBuffer.Span[.._receive.BytesTransferred]);
        }
        catch (InvalidDataException problem)
        {
            _fault = $"after event {_count}: {problem.Message}";
        }
    }
}
