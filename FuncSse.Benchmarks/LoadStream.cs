using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace FuncSse.Benchmarks;

/// <summary>One stream as its client sees it: when each byte that matters came, and whether it is the right one.</summary>
internal sealed class LoadStream : IDisposable
{
    /// <summary>
    /// Where every stream goes on from: .NET keeps the texts of numbers up to 299, so only larger ones cost what those of a long
    /// stream do.
    /// </summary>
    public const int LastEventId = 1000;

    private static readonly byte[] Request = Encoding.ASCII.GetBytes(
        $"GET /events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nLast-Event-ID: {LastEventId}\r\n\r\n");

    private readonly IPEndPoint _server;
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly SocketAsyncEventArgs _receive = new(unsafeSuppressExecutionContextFlow: true);
    private readonly ResponseReader _reader;
    private long _now;
    private long[] _arrivals = new long[64];
    private volatile int _count;
    private volatile string? _fault;
    private volatile bool _disposed;

    public LoadStream(IPEndPoint server)
    {
        _server = server;
        _reader = new ResponseReader(new EventReader(Record));
        _receive.SetBuffer(new byte[1024]);
        _receive.Completed += (_, _) => Receive(completed: true);
    }

    /// <summary>Stopwatch ticks.</summary>
    public long Sent { get; private set; }

    /// <summary>Stopwatch ticks; 0 before the first byte of the response.</summary>
    public long FirstByte { get; private set; }

    public int Count => _count;

    public string? Fault => _fault;

    /// <summary>Stopwatch ticks: [0] is when the first event came.</summary>
    public ReadOnlySpan<long> Arrivals => _arrivals.AsSpan(0, _count);

    public void Open()
    {
        try
        {
            _socket.Connect(_server);
            Sent = Stopwatch.GetTimestamp();
            _socket.Send(Request);
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

        _now = Stopwatch.GetTimestamp();
        if (FirstByte == 0)
        {
            FirstByte = _now;
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

    private void Record(long id, long data)
    {
        if (id != LastEventId + _count + 1 || data != id)
        {
            throw new InvalidDataException($"id {id} with data {data}");
        }

        if (_count == _arrivals.Length)
        {
            Array.Resize(ref _arrivals, 2 * _count);
        }

        _arrivals[_count] = _now;
        _count++;
    }
}
