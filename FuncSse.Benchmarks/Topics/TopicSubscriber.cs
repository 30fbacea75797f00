using System.Net;
using System.Text;

namespace FuncSse.Benchmarks;

/// <summary>One stream of a topic as its client sees it: each event must come once and in order.</summary>
internal class TopicSubscriber : LoadConnection
{
    /// <summary>The number of an event that says that the stream is there, and does not count.</summary>
    public const long Hello = 0;

    private readonly TopicEventReader _events;
    private readonly byte[] _request;
    private readonly long _first;
    private readonly long _step;
    private long[] _arrivals = new long[64];
    private long _next;

    /// <param name="server">Where.</param>
    /// <param name="topic">Of what.</param>
    /// <param name="first">The number of the first event that is to come.</param>
    /// <param name="step">By how much the numbers of its topic rise.</param>
    /// <param name="lastEventId">Where it goes on from; null for now.</param>
    public TopicSubscriber(IPEndPoint server, string topic, long first = 1, long step = 1, string? lastEventId = null)
        : base(server, bufferSize: 2048)
    {
        (_first, _next, _step) = (first, first, step);
        _events = new TopicEventReader(Record);
        string resume = lastEventId is null ? "" : $"Last-Event-ID: {lastEventId}\r\n";
        _request = Encoding.ASCII.GetBytes($"GET /topics/{topic} HTTP/1.1\r\nHost: {server}\r\nAccept: text/event-stream\r\n{resume}\r\n");
    }

    public bool IsThere { get; private set; }

    /// <summary>Stopwatch ticks: [0] is when the first event came.</summary>
    public ReadOnlySpan<long> Arrivals => _arrivals.AsSpan(0, Count);

    /// <summary>The number of an event that came.</summary>
    public long Number(int arrival) => _first + (arrival * _step);

    public virtual void Open() => Open(_request);

    protected override void ReadBody(ReadOnlySpan<byte> bytes) => _events.Read(bytes);

    private void Record(long number)
    {
        IsThere = true;
        if (number == Hello)
        {
            return;
        }

        if (number != _next)
        {
            throw new InvalidDataException($"event {number} came where {_next} was due");
        }

        if (Count == _arrivals.Length)
        {
            Array.Resize(ref _arrivals, 2 * Count);
        }

        _arrivals[Count] = Now;
        _next += _step;
        Counted();
    }
}
