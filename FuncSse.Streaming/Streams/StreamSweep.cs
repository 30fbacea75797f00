using System.Diagnostics.CodeAnalysis;

namespace FuncSse.Streaming;

/// <summary>
/// Checks all open streams with one timer: keep-alives, lifetimes, tickets, clients that read nothing, and whether the host stops. A stream's
/// times may be exceeded by one interval.
/// </summary>
/// <remarks>
/// A stream that blocks the thread holds up this turn only. The next one comes on another thread and checks the streams behind it.
/// </remarks>
internal sealed class StreamSweep
{
    /// <summary>The longest interval. It is shorter for streams whose times are short: a quarter of the shortest.</summary>
    public static readonly TimeSpan MaxInterval = TimeSpan.FromMilliseconds(250);

    private readonly Lock _gate = new();
    private readonly List<SseStream> _streams = [];
    private readonly ITimer _timer;
    private TimeSpan _interval;

    public StreamSweep(TimeProvider time, CancellationToken stopping)
    {
        // Whoever comes first makes it, perhaps within a request, whose context is not for the sweep.
        using (ExecutionContext.SuppressFlow())
        {
            _timer = time.CreateTimer(
                static self => ((StreamSweep)self!).CheckAll(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }

        // At the stop at once, unless a handler of the app comes first and blocks: then the next turn tells the streams.
        stopping.UnsafeRegister(static self => ((StreamSweep)self!).CheckAll(), this);
    }

    /// <summary>How many streams are checked.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _streams.Count;
            }
        }
    }

    public void Add(SseStream stream)
    {
        lock (_gate)
        {
            TimeSpan interval = stream.Settings.CheckInterval;
            if (_streams.Count == 0 || interval < _interval)
            {
                _interval = interval;
                _timer.Change(interval, interval);
            }

            stream.SweepIndex = _streams.Count;
            _streams.Add(stream);
        }

        stream.Check(); // The host may stop already, or the ticket may be over.
    }

    /// <summary>Removes a stream, if it is there.</summary>
    public void Remove(SseStream stream)
    {
        lock (_gate)
        {
            if (stream.SweepIndex < 0)
            {
                return;
            }

            SseStream last = _streams[^1];
            _streams[stream.SweepIndex] = last;
            (last.SweepIndex, stream.SweepIndex) = (stream.SweepIndex, -1);
            _streams.RemoveAt(_streams.Count - 1);
            if (_streams.Count == 0)
            {
                _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            }
        }
    }

    private void CheckAll()
    {
        // From the end, because a removal puts the last stream in the place of the one that leaves: none is passed over.
        for (int i = int.MaxValue; TryGet(ref i, out SseStream? stream); i--)
        {
            stream.Check();
        }
    }

    private bool TryGet(ref int index, [NotNullWhen(true)] out SseStream? stream)
    {
        lock (_gate)
        {
            index = Math.Min(index, _streams.Count - 1);
            stream = index >= 0 ? _streams[index] : null;
            return stream is not null;
        }
    }
}
