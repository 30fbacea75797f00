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
internal sealed class SseStream<T>
#pragma warning restore CA1001
{
    // A client that did not read may have used up the grace before the feed is told to end.
    private static readonly TimeSpan MinFeedGrace = TimeSpan.FromMilliseconds(200);

    private readonly HttpContext _http;
    private readonly SseStreamRegistry _streams;
    private readonly SseStreamWriter _writer;
    private readonly SseWatchdog _watch;
    private readonly SseSignal _signal = new();
    private readonly CancellationTokenSource _feedEnd = new();

    // By now: what ends a stream may log it when the context serves another request already.
    private readonly string _traceIdentifier;

    private volatile SseStreamEnd _end;
    private volatile bool _isKeepAliveDue;
    private long _events;

    public SseStream(HttpContext http, SseStreamRegistry streams)
    {
        _http = http;
        _streams = streams;
        _traceIdentifier = http.TraceIdentifier;
        _writer = new SseStreamWriter(http.Response.BodyWriter);
        _watch = new SseWatchdog(http, streams, _writer, OnSilent, () => End(SseStreamEnd.ClientStalled));
    }

    private bool IsOpen => _end == SseStreamEnd.None;

    private bool IsClientThere => _end is not (SseStreamEnd.ClientLeft or SseStreamEnd.ClientStalled);

    /// <summary>
    /// Carries the feed to the client until the stream ends, and counts the stream out that <see cref="SseStreamRegistry.TryEnter"/> counted in.
    /// What ends it does not come out as an exception; a feed's own failure does.
    /// </summary>
    public async Task RunAsync(SseFeed<T> feed, string? lastEventId, CancellationToken hostCancelled)
    {
        long opened = _streams.Time.GetTimestamp();
        IStreamingConnectionFeature? connection = _http.Features.Get<IStreamingConnectionFeature>();
        connection?.StreamStarted();
        try
        {
            using SseWatchdog watch = _watch;
            watch.Start();
            using ITimer lifetime = _streams.Time.CreateTimer(
                static self => Self(self).End(SseStreamEnd.Lifetime), this, SseDelays.Lifetime(_streams.Options), Timeout.InfiniteTimeSpan);
            using CancellationTokenRegistration left = _http.RequestAborted.UnsafeRegister(
                static self => Self(self).End(SseStreamEnd.ClientLeft), this);
            using CancellationTokenRegistration stopping = _streams.Stopping.UnsafeRegister(
                static self => Self(self).End(SseStreamEnd.HostStopping), this);
            using CancellationTokenRegistration cancelled = hostCancelled.UnsafeRegister(
                static self => Self(self).End(SseStreamEnd.HostCancelled), this);

            // In one flush with the headers: the host's proxy holds those back until the first byte of the body.
            _writer.WriteRetry(_streams.Options.Retry);
            await FlushAsync();
            await CarryAsync(feed, lastEventId);
        }
        finally
        {
            TryEnd(SseStreamEnd.ClientLeft); // Kestrel's writes do not throw; where another server's do, it is for a client that is gone.
            connection?.StreamEnded();
            TimeSpan duration = _streams.Time.GetElapsedTime(opened);
            _streams.Leave(duration, _end);
            Log.StreamEnded(_streams.Logger, _traceIdentifier, duration, _events, _end.Name());
        }
    }

    private static SseStream<T> Self(object? state) => (SseStream<T>)state!;

    private async Task CarryAsync(SseFeed<T> feed, string? lastEventId)
    {
        SseFeedReader<T>? reader = null;
        ExceptionDispatchInfo? failure = null;
        try
        {
            if (IsOpen)
            {
                reader = new SseFeedReader<T>(feed(lastEventId, _feedEnd.Token), _signal);
            }

            while (IsOpen)
            {
                reader!.Move();
                while (IsOpen && !reader.HasMoved)
                {
                    await _signal.WaitAsync();
                    if (_isKeepAliveDue)
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
            Log.FeedFailed(_streams.Logger, exception, _traceIdentifier);
            failure = ExceptionDispatchInfo.Capture(exception);
        }
        catch (Exception exception)
        {
            LogUnlessCancelled(exception);
        }

        try
        {
            if (IsClientThere && LastRetry() is { } retry)
            {
                _writer.WriteRetry(retry);
                await FlushAsync();
            }
        }
        finally
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
        _streams.CountEvent();
        return FlushAsync();
    }

    private string Text(T data) => data switch
    {
        string text => text,
        null => "",
        _ => JsonSerializer.Serialize(data, Json.GetTypeInfo(typeof(T))),
    };

    private JsonSerializerOptions Json =>
        _http.RequestServices.GetRequiredService<IOptions<JsonOptions>>().Value.SerializerOptions;

    private ValueTask FlushAsync()
    {
        ValueTask<FlushResult> flush = _writer.FlushAsync();
        _isKeepAliveDue = false;
        _watch.Written();
        if (!flush.IsCompletedSuccessfully)
        {
            return WaitForClientAsync(flush);
        }

        flush.GetAwaiter().GetResult();
        return ValueTask.CompletedTask;
    }

    private async ValueTask WaitForClientAsync(ValueTask<FlushResult> flush)
    {
        _watch.WaitForClient();
        await flush;
        _watch.ClientTook();
    }

    private void OnSilent()
    {
        _isKeepAliveDue = true;
        _signal.Set();
    }

    private bool TryEnd(SseStreamEnd reason)
    {
        if (Interlocked.CompareExchange(ref _end, reason, SseStreamEnd.None) != SseStreamEnd.None)
        {
            return false;
        }

        _watch.End();
        return true;
    }

    // The loop goes on, and the feed is cancelled, on another thread: whoever ends the stream must not be held up by what a feed does.
    private void End(SseStreamEnd reason)
    {
        if (TryEnd(reason))
        {
            ThreadPool.UnsafeQueueUserWorkItem(
                static self =>
                {
                    self._signal.Set();
                    self.CancelFeed();
                },
                this,
                preferLocal: false);
        }
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
        _ => SseDelays.HostGone(_streams.Options),
    };

    // A feed that does not stop, or blocks when it is told to, is left to itself.
    private async Task CloseAsync(SseFeedReader<T>? reader)
    {
        if (reader is null)
        {
            return;
        }

        Task closed = Task.Run(() =>
        {
            CancelFeed();
            return reader.CloseAsync();
        });
        try
        {
            TimeSpan left = _watch.EndGraceLeft;
            await closed.WaitAsync(left > MinFeedGrace ? left : MinFeedGrace, _streams.Time);
        }
        catch (TimeoutException) when (!closed.IsFaulted)
        {
            if (!closed.IsCompleted)
            {
                Log.FeedHangs(_streams.Logger, _traceIdentifier, SseWatchdog.EndGrace);
            }
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
            Log.FeedFailed(_streams.Logger, exception, _traceIdentifier);
        }
    }
}
