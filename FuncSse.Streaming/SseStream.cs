using System.IO.Pipelines;
using System.Net.ServerSentEvents;
using System.Runtime.ExceptionServices;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace FuncSse.Streaming;

/// <summary>
/// One stream's life: a loop that waits for the feed, for the keep-alive or for the end, whichever comes first, and is the only one to
/// write to the response.
/// </summary>
#pragma warning disable CA1001 // The token source is not disposed of: it holds nothing, and may be cancelled a moment after the stream is over.
internal sealed class SseStream<T>(HttpContext http, SseStreams streams)
#pragma warning restore CA1001
{
    /// <summary>What is left to a feed, and to a client that does not read, once the stream has to end.</summary>
    private static readonly TimeSpan EndGrace = TimeSpan.FromMilliseconds(500);

    private const int NotWaiting = -1;

    private readonly SseStreamWriter _writer = new(http.Response.BodyWriter);
    private readonly SseSignal _signal = new();
    private readonly CancellationTokenSource _feedEnd = new();
    private ITimer? _watch;
    private volatile SseStreamEnd _end;
    private bool _keepAliveDue;
    private long _lastWrite;
    private long _events;

    // While a flush waits for the client: what the writer's count of flushes was when the watch last looked.
    private int _flushesSeen = NotWaiting;

    private bool IsOpen => _end == SseStreamEnd.None;

    private bool IsClientThere => _end is not (SseStreamEnd.ClientLeft or SseStreamEnd.ClientStalled);

    /// <summary>Carries the feed to the client until the stream ends. No cancellation comes out of here; a feed's failure does.</summary>
    public async Task RunAsync(SseFeed<T> feed, string? lastEventId, CancellationToken hostCancelled)
    {
        long opened = streams.Time.GetTimestamp();
        _lastWrite = opened;
        try
        {
            using ITimer watch = streams.Time.CreateTimer(static self => Self(self).Watch(), this, streams.Options.KeepAlive, Timeout.InfiniteTimeSpan);
            _watch = watch;
            using ITimer lifetime = streams.Time.CreateTimer(
                static self => Self(self).End(SseStreamEnd.Lifetime), this, SseDelays.Lifetime(streams.Options), Timeout.InfiniteTimeSpan);
            using CancellationTokenRegistration left = http.RequestAborted.UnsafeRegister(
                static self => Self(self).End(SseStreamEnd.ClientLeft), this);
            using CancellationTokenRegistration stopping = streams.Stopping.UnsafeRegister(
                static self => Self(self).End(SseStreamEnd.HostStopping), this);
            using CancellationTokenRegistration cancelled = hostCancelled.UnsafeRegister(
                static self => Self(self).End(SseStreamEnd.HostCancelled), this);

            // In one flush with the headers: the host's proxy holds those back until the first byte of the body.
            _writer.WriteRetry(streams.Options.Retry);
            await FlushAsync();

            // From here on the feed's code runs, which may block, and this may be the thread that serves the sockets.
            await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
            await CarryAsync(feed, lastEventId);
        }
        finally
        {
            TimeSpan duration = streams.Time.GetElapsedTime(opened);
            streams.Leave(duration, _end);
            Log.StreamEnded(streams.Logger, http.TraceIdentifier, duration, _events, _end);
        }
    }

    private static SseStream<T> Self(object? state) => (SseStream<T>)state!;

    private async Task CarryAsync(SseFeed<T> feed, string? lastEventId)
    {
        SseFeedReader<T>? reader = null;
        ExceptionDispatchInfo? failure = null;
        try
        {
            reader = new SseFeedReader<T>(feed(lastEventId, _feedEnd.Token), _signal);
            while (IsOpen)
            {
                reader.Move();
                while (IsOpen && !reader.HasMoved)
                {
                    await _signal.WaitAsync();
                    if (_keepAliveDue)
                    {
                        _writer.WriteComment();
                        await FlushAsync();
                    }
                }

                if (!reader.HasMoved)
                {
                    break;
                }

                if (!reader.Take())
                {
                    TryEnd(SseStreamEnd.FeedEnded);
                }
                else if (IsClientThere)
                {
                    await SendAsync(reader.Current);
                }
            }
        }
        // What a feed throws once the stream has ended is its way of being cancelled.
        catch (Exception exception) when (TryEnd(SseStreamEnd.FeedFailed))
        {
            failure = ExceptionDispatchInfo.Capture(exception);
        }
        catch (Exception exception)
        {
            LogUnlessCancelled(exception);
        }

        if (IsClientThere && LastRetry() is { } retry)
        {
            _writer.WriteRetry(retry);
            await FlushAsync();
        }

        if (reader is not null)
        {
            await CloseAsync(reader);
        }

        failure?.Throw();
    }

    private ValueTask SendAsync(SseItem<T> item)
    {
        string? eventType = item.EventType == SseParser.EventTypeDefault ? null : item.EventType;
        _writer.WriteEvent(Text(item.Data), eventType, item.EventId, item.ReconnectionInterval);
        _events++;
        streams.CountEvent();
        return FlushAsync();
    }

    private string Text(T data) => data switch
    {
        string text => text,
        null => "",
        _ => JsonSerializer.Serialize(data, Json.GetTypeInfo(typeof(T))),
    };

    private JsonSerializerOptions Json =>
        http.RequestServices.GetRequiredService<IOptions<JsonOptions>>().Value.SerializerOptions;

    private ValueTask FlushAsync()
    {
        ValueTask<FlushResult> flush = _writer.FlushAsync();
        _keepAliveDue = false;
        Volatile.Write(ref _lastWrite, streams.Time.GetTimestamp());
        if (!flush.IsCompletedSuccessfully)
        {
            return WaitForClientAsync(flush);
        }

        flush.GetAwaiter().GetResult();
        return ValueTask.CompletedTask;
    }

    private async ValueTask WaitForClientAsync(ValueTask<FlushResult> flush)
    {
        Volatile.Write(ref _flushesSeen, _writer.Flushes);
        _watch?.Change(IsOpen ? streams.Options.WriteTimeout : EndGrace, Timeout.InfiniteTimeSpan);
        await flush;
        Volatile.Write(ref _flushesSeen, NotWaiting);
        Volatile.Write(ref _lastWrite, streams.Time.GetTimestamp());
        _watch?.Change(streams.Options.KeepAlive, Timeout.InfiniteTimeSpan);

        // The thread that goes on here is the one that serves the sockets: not for the feed's code.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
    }

    // What has to be seen to while the loop waits: a client that does not read, or a feed that has nothing to say.
    private void Watch()
    {
        int flushesSeen = Volatile.Read(ref _flushesSeen);
        TimeSpan next;
        if (flushesSeen == NotWaiting)
        {
            TimeSpan silent = streams.Time.GetElapsedTime(Volatile.Read(ref _lastWrite));
            next = streams.Options.KeepAlive - silent;
            if (next <= TimeSpan.Zero)
            {
                next = streams.Options.KeepAlive;
                _keepAliveDue = true;
                _signal.Set();
            }
        }
        else if (_writer.Flushes is int flushes && flushes != flushesSeen)
        {
            // It takes a large event piece by piece. If it just took the last, NotWaiting must stay.
            Interlocked.CompareExchange(ref _flushesSeen, flushes, flushesSeen);
            next = streams.Options.WriteTimeout;
        }
        else
        {
            End(SseStreamEnd.ClientStalled);
            http.Abort();
            return;
        }

        _watch?.Change(next, Timeout.InfiniteTimeSpan);
    }

    private bool TryEnd(SseStreamEnd reason) =>
        Interlocked.CompareExchange(ref _end, reason, SseStreamEnd.None) == SseStreamEnd.None;

    // On another thread, since whoever ends the stream must not be held up by what a feed does when it is cancelled.
    private void End(SseStreamEnd reason)
    {
        if (TryEnd(reason))
        {
            ThreadPool.UnsafeQueueUserWorkItem(static self => self.Wake(), this, preferLocal: false);
        }
    }

    private void Wake()
    {
        if (Volatile.Read(ref _flushesSeen) != NotWaiting)
        {
            _watch?.Change(EndGrace, Timeout.InfiniteTimeSpan);
        }

        CancelFeed();
        _signal.Set();
    }

    private void CancelFeed()
    {
        try
        {
            _feedEnd.Cancel();
        }
        catch (AggregateException exception)
        {
            LogUnlessCancelled(exception);
        }
    }

    private TimeSpan? LastRetry() => _end switch
    {
        SseStreamEnd.Lifetime => SseDelays.Renewal,
        SseStreamEnd.FeedEnded => null,
        _ => SseDelays.HostGone(streams.Options),
    };

    private async Task CloseAsync(SseFeedReader<T> reader)
    {
        CancelFeed();
        Task closed = reader.CloseAsync();
        try
        {
            await closed.WaitAsync(EndGrace, streams.Time);
        }
        catch (TimeoutException) when (!closed.IsCompleted)
        {
            Log.FeedHangs(streams.Logger, http.TraceIdentifier, EndGrace);
        }
        catch (Exception exception)
        {
            LogUnlessCancelled(exception);
        }
    }

    private void LogUnlessCancelled(Exception exception)
    {
        if (exception is not OperationCanceledException)
        {
            Log.FeedFailed(streams.Logger, exception, http.TraceIdentifier);
        }
    }
}
