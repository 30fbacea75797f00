using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;

namespace FuncSse.Streaming;

/// <summary>
/// Watches what a stream waits for: a feed that is silent, a client that takes nothing, an end that takes too long. It has one timer, which
/// is set anew only when something out of the ordinary happens: an event costs nothing here.
/// </summary>
/// <param name="stream">The stream that it tells. Its request is not touched once the watchdog is disposed of.</param>
/// <param name="http">The request, which it aborts when the client has to be dropped.</param>
/// <param name="time">The clock.</param>
internal sealed class SseWatchdog(SseStream stream, HttpContext http, TimeProvider time) : IDisposable
{
    /// <summary>How long a client that does not read is waited for once the stream has to end.</summary>
    public static readonly TimeSpan EndGrace = TimeSpan.FromMilliseconds(500);

    private readonly Lock _gate = new();
    private ITimer? _timer;
    private long _lastWrite;
    private bool _isWaitingForClient;
    private int _flushesSeen;
    private long _lastTaken;
    private long? _ending;
    private bool _isAborted;
    private bool _isOver;

    public void Start()
    {
        Written();
        _timer = time.CreateTimer(
            static self => ((SseWatchdog)self!).OnTimer(), this, stream.Settings.KeepAlive, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Something was written just now.</summary>
    public void Written() => Volatile.Write(ref _lastWrite, time.GetTimestamp());

    /// <summary>A flush waits for the client from now on.</summary>
    public void WaitForClient()
    {
        lock (_gate)
        {
            _isWaitingForClient = true;
            _flushesSeen = stream.Writer.Flushes;
            _lastTaken = time.GetTimestamp();
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
            SetTimer(stream.Settings.KeepAlive);
        }
    }

    /// <summary>The stream ends: from now on a client gets no more than the grace to take what is left.</summary>
    public void Ending()
    {
        lock (_gate)
        {
            _ending = time.GetTimestamp();
            if (_isWaitingForClient)
            {
                SetTimer(EndGrace);
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
                TimeSpan left = stream.Settings.KeepAlive - time.GetElapsedTime(Volatile.Read(ref _lastWrite));
                isSilent = left <= TimeSpan.Zero;
                SetTimer(isSilent ? stream.Settings.KeepAlive : left);
            }
        }

        if (isSilent)
        {
            stream.OnSilent(); // With the timer set: what follows from this may set it anew.
        }
    }

    private void OnClientTimer()
    {
        if (stream.Writer.Flushes != _flushesSeen)
        {
            _flushesSeen = stream.Writer.Flushes;
            _lastTaken = time.GetTimestamp();
        }

        // The timer may have become due before the flush began to wait.
        if (!_isAborted && ClientTimeLeft() is { Ticks: > 0 } left)
        {
            SetTimer(left);
            return;
        }

        stream.OnStalled();
        http.Abort();
        if (_isAborted)
        {
            // A reset of an HTTP/2 stream waits behind what the client does not read.
            http.Features.Get<IConnectionLifetimeFeature>()?.Abort();
        }

        _isAborted = true;
        SetTimer(EndGrace);
    }

    private TimeSpan ClientTimeLeft() => _ending is { } since
        ? EndGrace - time.GetElapsedTime(since)
        : stream.Settings.WriteTimeout - time.GetElapsedTime(_lastTaken);

    private void SetTimer(TimeSpan wait) => _timer?.Change(wait > TimeSpan.Zero ? wait : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
}
