using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;

namespace FuncSse.Streaming;

/// <summary>
/// What has to be seen to while a stream waits: a feed that says nothing, a client that takes nothing, an end that takes too long. It has
/// one timer, which it sets anew only when something out of the ordinary happens: an event costs it nothing.
/// </summary>
/// <param name="http">The request, which it aborts when the client has to be dropped. Not touched once it is disposed of.</param>
/// <param name="streams">Settings and time.</param>
/// <param name="writer">Whose count of flushes tells whether a client takes a large event piece by piece.</param>
/// <param name="onSilent">Called when nothing was written for the keep-alive interval.</param>
/// <param name="onStalled">Called when the client took no byte for the write time-out, before it is dropped.</param>
internal sealed class SseWatchdog(HttpContext http, SseStreamRegistry streams, SseStreamWriter writer, Action onSilent, Action onStalled) : IDisposable
{
    /// <summary>What is left to a client that does not read, and to a feed, once the stream has to end.</summary>
    public static readonly TimeSpan EndGrace = TimeSpan.FromMilliseconds(500);

    private readonly Lock _gate = new();
    private ITimer? _timer;
    private long _lastWrite;
    private bool _isWaitingForClient;
    private int _flushesSeen;
    private long _lastTaken;
    private long? _ended;
    private bool _isAborted;
    private bool _isOver;

    /// <summary>What is left of <see cref="EndGrace"/>.</summary>
    public TimeSpan EndGraceLeft
    {
        get
        {
            lock (_gate)
            {
                TimeSpan left = EndGrace - streams.Time.GetElapsedTime(_ended ?? streams.Time.GetTimestamp());
                return left > TimeSpan.Zero ? left : TimeSpan.Zero;
            }
        }
    }

    public void Start()
    {
        Written();
        _timer = streams.Time.CreateTimer(
            static self => ((SseWatchdog)self!).OnTimer(), this, streams.Options.KeepAlive, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Something was written just now.</summary>
    public void Written() => Volatile.Write(ref _lastWrite, streams.Time.GetTimestamp());

    /// <summary>A flush waits for the client from now on.</summary>
    public void WaitForClient()
    {
        lock (_gate)
        {
            _isWaitingForClient = true;
            _flushesSeen = writer.Flushes;
            _lastTaken = streams.Time.GetTimestamp();
            SetTimer(ClientTimeLeft());
        }
    }

    /// <summary>The client has taken what the flush waited for.</summary>
    public void ClientTook()
    {
        lock (_gate)
        {
            _isWaitingForClient = false;
            Written();
            SetTimer(streams.Options.KeepAlive);
        }
    }

    /// <summary>The stream has to end: from now on a client gets no more than the grace to take what is left.</summary>
    public void End()
    {
        lock (_gate)
        {
            _ended ??= streams.Time.GetTimestamp();
            if (_isWaitingForClient)
            {
                SetTimer(EndGraceLeft);
            }
        }
    }

    /// <summary>The request is over. Its context may serve another from now on, so nothing may touch it any more.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isOver = true;
            _timer?.Dispose();
        }
    }

    private void OnTimer()
    {
        bool isSilent = false;
        lock (_gate)
        {
            if (_isOver)
            {
                return;
            }

            if (_isWaitingForClient)
            {
                OnClientTimer();
            }
            else
            {
                TimeSpan left = streams.Options.KeepAlive - streams.Time.GetElapsedTime(Volatile.Read(ref _lastWrite));
                isSilent = left <= TimeSpan.Zero;
                SetTimer(isSilent ? streams.Options.KeepAlive : left);
            }
        }

        if (isSilent)
        {
            onSilent(); // With the timer set: what follows from this may set it anew.
        }
    }

    private void OnClientTimer()
    {
        if (writer.Flushes != _flushesSeen)
        {
            _flushesSeen = writer.Flushes;
            _lastTaken = streams.Time.GetTimestamp();
        }

        // The timer may have become due before the flush began to wait.
        if (!_isAborted && ClientTimeLeft() is { Ticks: > 0 } left)
        {
            SetTimer(left);
            return;
        }

        onStalled();
        http.Abort();
        if (_isAborted)
        {
            // A reset of an HTTP/2 stream waits behind what the client does not read.
            http.Features.Get<IConnectionLifetimeFeature>()?.Abort();
        }

        _isAborted = true;
        SetTimer(EndGrace);
    }

    private TimeSpan ClientTimeLeft() =>
        _ended is null ? streams.Options.WriteTimeout - streams.Time.GetElapsedTime(_lastTaken) : EndGraceLeft;

    private void SetTimer(TimeSpan time) => _timer?.Change(time, Timeout.InfiniteTimeSpan);
}
