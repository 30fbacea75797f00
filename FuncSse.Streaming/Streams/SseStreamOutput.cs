using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;

namespace FuncSse.Streaming;

/// <summary>The output of one stream: it flushes and sends what is written, and counts the events that have left.</summary>
internal sealed class SseStreamOutput(HttpContext http, StreamServices services, SseStreamEnding ending, SseWatchdog watchdog)
{
    private readonly long _opened = services.Time.GetTimestamp();
    private int _unflushedEvents;
    private volatile bool _isKeepAliveDue;

    public SseStreamWriter Writer { get; } = new(http.Response.BodyWriter);

    public StreamConnection Connection { get; } = new(http);

    /// <summary>How long the stream has been open.</summary>
    public TimeSpan Duration => services.Time.GetElapsedTime(_opened);

    /// <summary>How many events were flushed to the client.</summary>
    public long Events { get; private set; }

    /// <summary>The last wait that the feed has set for the client; <see langword="null"/> if it has set none.</summary>
    public TimeSpan? FeedRetry { get; private set; }

    /// <summary>Whether nothing was written for the keep-alive interval.</summary>
    public bool IsKeepAliveDue => _isKeepAliveDue;

    /// <summary>Nothing was written for the keep-alive interval.</summary>
    public void OnSilent() => _isKeepAliveDue = true;

    /// <summary>An event was written. It counts once it is flushed, unless it only says where the feed is.</summary>
    public void OnEventWritten(TimeSpan? retry, bool isPosition)
    {
        _unflushedEvents += isPosition ? 0 : 1;
        FeedRetry = retry ?? FeedRetry;
    }

    /// <summary>Flushes what was written. A failure ends the stream and is not thrown.</summary>
    public ValueTask FlushAsync()
    {
        OnFlushing();
        try
        {
            ValueTask<FlushResult> flush = Writer.FlushAsync();
            if (!flush.IsCompletedSuccessfully)
            {
                return WaitForClientAsync(flush);
            }

            OnFlushed(flush.Result);
        }
        catch (Exception exception)
        {
            ending.EndByFlush(exception);
        }

        return ValueTask.CompletedTask;
    }

    /// <summary>
    /// Sends an event that is encoded both as a frame and as a chunk of HTTP/1.1 with that frame. Nothing else may be unflushed, and nothing
    /// else may write. Where the chunk cannot be sent at once and whole, the event is written, and a flush is due.
    /// </summary>
    /// <returns>Whether it was sent.</returns>
    public bool TrySend(ReadOnlyMemory<byte> frame, ReadOnlySpan<byte> chunk)
    {
        int sent = Connection.TrySend(chunk);
        OnEventWritten(retry: null, isPosition: false);
        if (sent < chunk.Length)
        {
            if (sent < 0)
            {
                Writer.WriteFrame(frame);
            }
            else
            {
                Writer.AddUnflushed(chunk.Length - sent);
            }

            return false;
        }

        OnFlushing();
        OnFlushed(default);
        return true;
    }

    private async ValueTask WaitForClientAsync(ValueTask<FlushResult> flush)
    {
        watchdog.OnFlushPending();
        try
        {
            OnFlushed(await flush);
        }
        catch (Exception exception)
        {
            ending.EndByFlush(exception);
        }

        watchdog.OnFlushCompleted();
    }

    private void OnFlushing()
    {
        if (Events == 0 && _unflushedEvents > 0)
        {
            services.Metrics.FirstEvent(Duration);
        }

        _isKeepAliveDue = false;
        watchdog.OnWritten();
    }

    private void OnFlushed(FlushResult result)
    {
        if (result.IsCompleted)
        {
            ending.TryEnd(SseStreamEnd.ClientLeft); // Not every server cancels the request.
        }
        else
        {
            Events += _unflushedEvents;
            services.Metrics.EventsSent(_unflushedEvents);
        }

        _unflushedEvents = 0;
    }
}
