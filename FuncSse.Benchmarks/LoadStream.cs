using System.Net;
using System.Text;

namespace FuncSse.Benchmarks;

/// <summary>One stream of the counter as its client sees it: when each byte that matters came, and whether it is the right one.</summary>
internal sealed class LoadStream : LoadConnection
{
    /// <summary>
    /// Where every stream goes on from: .NET keeps the texts of numbers up to 299, so only larger ones cost what those of a long
    /// stream do.
    /// </summary>
    public const int LastEventId = 1000;

    private static readonly byte[] Request = Encoding.ASCII.GetBytes(
        $"GET /events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nLast-Event-ID: {LastEventId}\r\n\r\n");

    private readonly EventReader _events;
    private long[] _arrivals = new long[64];

    public LoadStream(IPEndPoint server)
        : base(server, bufferSize: 1024)
    {
        _events = new EventReader(Record);
    }

    /// <summary>Stopwatch ticks: [0] is when the first event came.</summary>
    public ReadOnlySpan<long> Arrivals => _arrivals.AsSpan(0, Count);

    public void Open() => Open(Request);

    protected override void ReadBody(ReadOnlySpan<byte> bytes) => _events.Read(bytes);

    private void Record(long id, long data)
    {
        if (id != LastEventId + Count + 1 || data != id)
        {
            throw new InvalidDataException($"id {id} with data {data}");
        }

        if (Count == _arrivals.Length)
        {
            Array.Resize(ref _arrivals, 2 * Count);
        }

        _arrivals[Count] = Now;
        Counted();
    }
}
