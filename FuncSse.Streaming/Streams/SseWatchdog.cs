using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;

namespace FuncSse.Streaming;

/// <summary>
/// Limits what a stream waits for: a feed that is silent, a client that reads nothing, an end that takes too long. It has no timer: the
/// sweep asks it.
/// </summary>
/// <param name="stream">The stream that it notifies. Its request is not used after <see cref="Stop"/>.</param>
/// <param name="http">The request, which it aborts when the client has to be dropped.</param>
/// <param name="time">The clock.</param>
internal sealed class SseWatchdog(SseStream stream, HttpContext http, TimeProvider time)
{
    /// <summary>How long a stream that has to end waits for a client that does not read.</summary>
    public static readonly TimeSpan EndGrace = TimeSpan.FromMilliseconds(500);

    private const long Never = long.MaxValue;

    private readonly Lock _gate = new();
    private long _lastProgress = time.GetTimestamp();
    private bool _isFlushPending;
    private int _flushesSeen;
    private long _endingSince = Never;
    private bool _isAborted;
    private bool _isOver;

    /// <summary>Something is written now.</summary>
    public void OnWritten() => Volatile.Write(ref _lastProgress, time.GetTimestamp());

    /// <summary>A flush begins to wait for the client.</summary>
    public void OnFlushPending()
    {
        lock (_gate)
        {
            (_isFlushPending, _flushesSeen) = (true, stream.Writer.Flushes);
            OnWritten();
        }
    }

    /// <summary>The client has taken what the flush waited for.</summary>
    public void OnFlushCompleted()
    {
        lock (_gate)
        {
            _isFlushPending = false;
            OnWritten();
        }
    }

    /// <summary>The stream ends. From now on the client has <see cref="EndGrace"/> to take what is left.</summary>
    public void OnEnding() => Volatile.Write(ref _endingSince, time.GetTimestamp());

    /// <summary>Tells the stream if it is silent, and drops the client if it has read nothing for too long.</summary>
    public void Check()
    {
        bool isSilent;
        if (!_gate.TryEnter())
        {
            return; // An abort may take its time, and must hold up no other stream. The next turn looks again.
        }

        try
        {
            isSilent = !_isOver && !_isFlushPending && time.GetElapsedTime(Volatile.Read(ref _lastProgress)) >= stream.Settings.KeepAlive;
            if (!_isOver && _isFlushPending)
            {
                CheckClient();
            }
        }
        finally
        {
            _gate.Exit();
        }

        if (isSilent)
        {
            stream.OnSilent(); // The stream goes on here, and may wait for its client.
        }
    }

    /// <summary>The request is over. Its context may serve another one from now on, so it must not be used any more.</summary>
    public void Stop()
    {
        lock (_gate)
        {
            _isOver = true;
        }
    }

    private void CheckClient()
    {
        if (stream.Writer.Flushes != _flushesSeen)
        {
            _flushesSeen = stream.Writer.Flushes;
            OnWritten();
        }

        long ending = Volatile.Read(ref _endingSince);
        bool isLate = ending != Never
            ? time.GetElapsedTime(ending) >= EndGrace
            : time.GetElapsedTime(_lastProgress) >= stream.Settings.WriteTimeout;
        if (!isLate)
        {
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
        OnEnding();
    }
}
