using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace FuncSse.Benchmarks;

/// <summary>One stream as its client sees it: when each event came. Each must come once and in order.</summary>
internal class LoadStream : IDisposable
{
    /// <summary>
    /// Every stream of a counter continues after this. .NET keeps the texts of numbers up to 299, so only larger ones cost what those of a
    /// long stream cost.
    /// </summary>
    public const int CounterStart = 1000;

    /// <summary>The number of an event that shows that the stream is open, and does not count.</summary>
    public const long Hello = 0;

    private readonly IPEndPoint _server;
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly SocketAsyncEventArgs _receive = new(unsafeSuppressExecutionContextFlow: true);
    private readonly ResponseReader _reader;
    private readonly byte[] _request;
    private readonly long _first;
    private readonly long _step;
    private readonly List<long> _arrivals = new(64);
    private long _now;
    private volatile bool _isDisposed;

    /// <param name="server">The address.</param>
    /// <param name="path">With the first slash.</param>
    /// <param name="first">The number of the first event that is to come.</param>
    /// <param name="step">The difference between the numbers of two events.</param>
    /// <param name="lastEventId">The event after which it continues; null for now.</param>
    public LoadStream(IPEndPoint server, string path, long first = 1, long step = 1, string? lastEventId = null)
    {
        (_server, _first, _step) = (server, first, step);
        string resume = lastEventId is null ? "" : $"Last-Event-ID: {lastEventId}\r\n";
        _request = Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: {server}\r\nAccept: text/event-stream\r\n{resume}\r\n");
        _reader = new ResponseReader(Record);
        _receive.SetBuffer(new byte[2048]);
        _receive.Completed += (_, _) => Receive(isCompleted: true);
    }

    /// <summary>When the request was sent, in Stopwatch ticks.</summary>
    public long Sent { get; private set; }

    /// <summary>Stopwatch ticks; 0 before the first byte of the response.</summary>
    public long FirstByte { get; private set; }

    /// <summary>Whether an event has come.</summary>
    public bool IsOpen { get; private set; }

    /// <summary>When each event came, in Stopwatch ticks. Read it while none comes.</summary>
    public IReadOnlyList<long> Arrivals => _arrivals;

    /// <summary>What went wrong.</summary>
    public string? Fault { get; private set; }

    /// <summary>The events after a number.</summary>
    public IEnumerable<(long Number, long Arrival)> Since(long number) =>
        _arrivals.Select((arrival, i) => (Number: _first + (i * _step), arrival)).Where(one => one.Number > number);

    public virtual void Open() => Open(_request);

    public void Dispose()
    {
        _isDisposed = true;
        _socket.Dispose();
        _receive.Dispose();
        GC.SuppressFinalize(this);
    }

    protected void Open(ReadOnlySpan<byte> request)
    {
        try
        {
            _socket.Connect(_server);
            Sent = Stopwatch.GetTimestamp();
            _socket.Send(request);
            Receive(isCompleted: false);
        }
        catch (SocketException problem)
        {
            Fault = $"a stream could not be opened: {problem.Message}";
        }
    }

    private void Receive(bool isCompleted)
    {
        try
        {
            while (Fault is null && !_isDisposed && (isCompleted || !_socket.ReceiveAsync(_receive)))
            {
                isCompleted = false;
                Read();
            }
        }
        catch (ObjectDisposedException) when (_isDisposed)
        {
            // The run is over.
        }
    }

    private void Read()
    {
        _now = Stopwatch.GetTimestamp();
        FirstByte = FirstByte == 0 ? _now : FirstByte;
        try
        {
            _reader.Read(_receive.SocketError == SocketError.Success && _receive.BytesTransferred > 0
                ? _receive.MemoryBuffer.Span[.._receive.BytesTransferred]
                : throw new InvalidDataException($"the stream was cut: {_receive.SocketError}"));
        }
        catch (InvalidDataException problem)
        {
            Fault = $"after event {_arrivals.Count}: {problem.Message}";
        }
    }

    private void Record(long number)
    {
        IsOpen = true;
        if (number != Hello)
        {
            long due = _first + (_arrivals.Count * _step);
            _arrivals.Add(number == due ? _now : throw new InvalidDataException($"event {number} came where {due} was due"));
        }
    }
}
