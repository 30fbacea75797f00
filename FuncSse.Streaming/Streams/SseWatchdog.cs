using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;

namespace FuncSse.Streaming;

/// <summary>
/// Limits what a stream waits for: a feed that is silent, a client that reads nothing, an end that takes too long. Its one timer is set again only
/// when something unusual happens, so an event costs nothing here.
/// </summary>
/// <param name="stream">The stream that it notifies. Its request is not used after the watchdog was disposed of.</param>
/// <param name="http">The request, which it aborts when the client has to be dropped.</param>
/// <param name="time">The clock.</param>
internal sealed class SseWatchdog(SseStream stream, HttpContext http, TimeProvider time) : IDisposable
{
    /// <summary>How long a stream that has to end waits for a client that does not read.</summary>
    public static readonly TimeSpan EndGrace = TimeSpan.FromMilliseconds(500);

    private readonly Lock _gate = new();
    private ITimer? _timer;
    private long _lastWrite;
    private bool _isFlushPending;
    private int _flushesSeen;
    private long _lastProgress;
    private long? _endingSince;
    private bool _isAborted;
    private bool _isOver;

    public void Start()
    {
        OnWritten();
        _timer = time.CreateTimer(
            static self => ((SseWatchdog)self!).OnTimer(), this, stream.Settings.KeepAlive, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Something is written now.</summary>
    public void OnWritten() => Volatile.Write(ref _lastWrite, time.GetTimestamp());

    /// <summary>A flush begins to wait for the client.</summary>
    public void OnFlushPending()
    {
        lock (_gate)
        {
            _isFlushPending = true;
            _flushesSeen = stream.Writer.Flushes;
            _lastProgress = time.GetTimestamp();
            SetTimer(ClientTimeLeft());
        }
    }

    /// <summary>The client has taken what the flush waited for.</summary>
    public void OnFlushCompleted()
    {
        lock (_gate)
        {
            _isFlushPending = false;
            OnWritten();
            SetTimer(stream.Settings.KeepAlive);
        }
    }

    /// <summary>The stream ends. From now on the client has <see cref="EndGrace"/> to take what is left.</summary>
    public void OnEnding()
    {
        lock (_gate)
        {
            _endingSince = time.GetTimestamp();
            if (_isFlushPending)
            {
                SetTimer(EndGrace);
            }
        }
    }

    /// <summary>The request is over. Its context may serve another one from now on, so it must not be used any more.</summary>
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

            if (_isFlushPending)
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
            stream.OnSilent(); // This comes after the timer was set, because it may set the timer again.
        }
    }

    private void OnClientTimer()
    {
        if (stream.Writer.Flushes != _flushesSeen)
        {
            _flushesSeen = stream.Writer.Flushes;
            _lastProgress = time.GetTimestamp();
        }

        // The timer may have become due before the flush began to wait for the client.
        if (!_isAborted && ClientTimeLeft() is { Ticks: > 0 } left)
        {
            SetTimer(left);
            return;
        }

        stream.OnStalled();
        http.Abort();
        if (_isAborted)
        {
            // The reset of an HTTP/2 stream waits behind what the client does not read.
            http.Features.Get<IConnectionLifetimeFeature>()?.Abort();
        }

        _isAborted = true;
        SetTimer(EndGrace);
    }

    private TimeSpan ClientTimeLeft() => _endingSince is { } since
        ? EndGrace - time.GetElapsedTime(since)
        : stream.Settings.WriteTimeout - time.GetElapsedTime(_lastProgress);

    private void SetTimer(TimeSpan wait) => _timer?.Change(wait > TimeSpan.Zero ? wait : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
}
