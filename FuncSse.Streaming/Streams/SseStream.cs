using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;

namespace FuncSse.Streaming;

/// <summary>
/// One stream's life: its opening, its end for one reason, and its closing. It is the only one to write to the response.
/// </summary>
#pragma warning disable CA1001 // RunAsync, which is called once, disposes of the watchdog.
internal abstract class SseStream
#pragma warning restore CA1001
{
    private readonly HttpContext _http;
    private readonly SseWatchdog _watchdog;
    private readonly IStreamingConnectionFeature? _connection;
    private readonly long _opened;

    // By now: what ends a stream may log it when the context serves another request already.
    private readonly string _traceIdentifier;
    private readonly CancellationToken _clientLeft;
    private readonly CancellationToken _hostCancelled;

    private volatile SseStreamEnd _end;
    private volatile bool _isKeepAliveDue;
    private TimeSpan? _feedsRetry;
    private long _events;
    private int _unflushedEvents;
    private Task? _abandoned;
    private IStreamingConnectionFeature? _chunked;

    protected SseStream(HttpContext http, SseStreamRegistry registry, SseStreamSettings settings, CancellationToken hostCancelled)
    {
        (_http, Registry, Settings) = (http, registry, settings);
        _opened = registry.Time.GetTimestamp();
        _traceIdentifier = http.TraceIdentifier;
        _clientLeft = http.RequestAborted;
        _hostCancelled = hostCancelled;
        _connection = http.Features.Get<IStreamingConnectionFeature>();
        _watchdog = new SseWatchdog(this, http, registry.Time);
        Writer = new SseStreamWriter(http.Response.BodyWriter);
        // Writing to a stream of the app's middleware may block, which must not hold up the thread that sets the signal.
        Signal = new SseSignal(isAsynchronous: !SseResponse.IsWrittenByServer(http));
    }

    public SseStreamSettings Settings { get; }

    public SseStreamWriter Writer { get; }

    /// <summary>Whose stream it is, as <see cref="SseStreamRegistry.TryEnter"/> was told.</summary>
    public string? Client { get; init; }

    /// <summary>When the client's right to the stream ends; <see langword="null"/> for never.</summary>
    public DateTimeOffset? AllowedUntil { get; init; }

    protected SseStreamRegistry Registry { get; }

    protected SseSignal Signal { get; }

    protected bool IsOpen => _end == SseStreamEnd.None;

    protected bool IsKeepAliveDue => _isKeepAliveDue && IsOpen;

    protected bool IsClientThere => _end is not (SseStreamEnd.ClientLeft or SseStreamEnd.ClientStalled);

    /// <summary>Opens the stream, carries the feed until the end, and closes it. Nothing that ends it comes out as an exception.</summary>
    public async Task RunAsync(string? lastEventId)
    {
        _connection?.StreamStarted();
        SseResponse.LimitUnsent(_http);
        try
        {
            using SseWatchdog watchdog = _watchdog;
            watchdog.Start();
            using ITimer? lifetime = Settings.MaxDuration is { } longest
                ? Registry.Time.CreateTimer(
                    static self => ((SseStream)self!).End(SseStreamEnd.Lifetime), this, SseDelays.Lifetime(longest), Timeout.InfiniteTimeSpan)
                : null;
            using var ticket = AllowedUntil is { } end ? new SseDeadline(Registry.Time, end, () => End(SseStreamEnd.TicketExpired)) : null;
            using CancellationTokenRegistration left = _clientLeft.UnsafeRegister(
                static self => ((SseStream)self!).End(SseStreamEnd.ClientLeft), this);
            using CancellationTokenRegistration stopping = Registry.Stopping.UnsafeRegister(
                static self => ((SseStream)self!).End(SseStreamEnd.HostStopping), this);
            using CancellationTokenRegistration cancelled = _hostCancelled.UnsafeRegister(
                static self => ((SseStream)self!).End(SseStreamEnd.HostCancelled), this);
            await OpenAsync();
            _chunked = SseResponse.FindChunked(_http);
            await CarryAsync(lastEventId);
            await CloseAsync();
        }
        catch (Exception exception)
        {
            // Kestrel's writes do not throw. Where another server's do, the client is gone.
            TryEnd(SseStreamEnd.ClientLeft);
            LogLate(exception);
        }
        finally
        {
            _connection?.StreamEnded();
            SseResponse.UnlimitUnsent(_http);
            if (_events > 0 && _end != SseStreamEnd.FeedFailed)
            {
                Registry.Backoff.Reset(_http.Request);
            }

            Registry.Leave(Registry.Time.GetElapsedTime(_opened), _end, _abandoned, Client);
            Log.StreamEnded(Registry.Logger, _traceIdentifier, Registry.Time.GetElapsedTime(_opened), _events, _end.Name());
        }
    }

    /// <summary>The watchdog's word that nothing was written for the keep-alive interval.</summary>
    public void OnSilent()
    {
        _isKeepAliveDue = true;
        Signal.Set();
    }

    /// <summary>The watchdog's word that the client is about to be dropped, since it takes nothing.</summary>
    public void OnStalled() => End(SseStreamEnd.ClientStalled);

    /// <summary>Sends the feed's events until the stream ends. What the feed throws ends the stream.</summary>
    protected abstract Task CarryAsync(string? lastEventId);

    /// <summary>Cancels the feed; may throw what the feed throws.</summary>
    protected abstract void CancelFeed();

    /// <summary>Cancels the feed and waits until it has cleaned up.</summary>
    protected abstract Task CloseFeedAsync();

    /// <summary>An event was written; it counts once it is flushed, unless it only says where the feed is.</summary>
    protected void EventWritten(TimeSpan? retry, bool isPosition)
    {
        _unflushedEvents += isPosition ? 0 : 1;
        _feedsRetry = retry ?? _feedsRetry;
    }

    protected ValueTask FlushAsync()
    {
        Flushing();
        ValueTask<FlushResult> flush = Writer.FlushAsync();
        if (!flush.IsCompletedSuccessfully)
        {
            return WaitForClientAsync(flush);
        }

        Flushed(flush.Result);
        return ValueTask.CompletedTask;
    }

    /// <summary>
    /// Sends an event that is encoded both as a frame and as a chunk of HTTP/1.1 with that frame. Nothing else may be unflushed, and nothing
    /// else may write. Where the chunk cannot be sent at once and whole, the event is written, and a flush is due.
    /// </summary>
    /// <returns>Whether it was sent.</returns>
    protected bool TrySend(ReadOnlyMemory<byte> frame, ReadOnlySpan<byte> chunk)
    {
        int sent = _chunked?.TrySend(chunk) ?? -1;
        EventWritten(retry: null, isPosition: false);
        if (sent < chunk.Length)
        {
            if (sent < 0)
            {
                Writer.WriteFrame(frame);
            }
            else
            {
                Writer.WrittenElsewhere(chunk.Length - sent);
            }

            return false;
        }

        Flushing();
        Flushed(default);
        return true;
    }

    /// <summary>The feed has no more events, or threw. If something else has ended the stream meanwhile, that is the reason.</summary>
    protected void FeedEnded(Exception? failure)
    {
        SseStreamEnd end = _clientLeft.IsCancellationRequested ? SseStreamEnd.ClientLeft
            : Registry.Stopping.IsCancellationRequested ? SseStreamEnd.HostStopping
            : _hostCancelled.IsCancellationRequested ? SseStreamEnd.HostCancelled
            : failure is null ? SseStreamEnd.FeedEnded : SseStreamEnd.FeedFailed;
        if (TryEnd(end) && end == SseStreamEnd.FeedFailed)
        {
            Registry.LogFailure(failure!, _traceIdentifier);
        }
        else
        {
            LogLate(failure);
        }
    }

    /// <summary>Writes what keeps the stream alive; a stream with positions writes one.</summary>
    protected virtual void WriteKeepAlive()
    {
        if (Settings.KeepAliveEvent)
        {
            Writer.WriteEvent("", "keep-alive");
        }
        else
        {
            Writer.WriteComment();
        }
    }

    private async Task OpenAsync()
    {
        // In one flush with the headers: the host's proxy holds those back until the first byte of the body.
        Writer.WriteRetry(Settings.Retry);
        if (Settings.Padding > 0)
        {
            Writer.WriteComment(Settings.Padding);
        }

        await FlushAsync();
    }

    private async Task CloseAsync()
    {
        await WaitForFeedAsync();
        if (!IsClientThere || _clientLeft.IsCancellationRequested)
        {
            return;
        }

        if (!Settings.IsResumable && _end != SseStreamEnd.FeedEnded)
        {
            _http.Abort(); // A clean end would make a part look like the whole.
            return;
        }

        _watchdog.Ending(); // The feed may have taken its time.
        if (_end == SseStreamEnd.TicketExpired)
        {
            Writer.WriteEvent("{}", "expired"); // Without a retry: the client learns when it returns that it may not.
            await FlushAsync();
        }
        else if (LastRetry() is { } retry)
        {
            Writer.WriteRetry(retry);
            await FlushAsync();
        }
    }

    // Before the response ends, since the feed may use what the request owns. A client that has its end sends the next request on the same
    // connection, which would wait for this one.
    private async Task WaitForFeedAsync()
    {
        Task closed = Task.Run(CloseFeedAsync); // It may block.
        using var hurry = CancellationTokenSource.CreateLinkedTokenSource(Registry.Stopping, _hostCancelled);
        try
        {
            await closed.WaitAsync(SseDelays.FeedGrace, Registry.Time, hurry.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (hurry.IsCancellationRequested)
            {
                await closed.WaitAsync(SseDelays.HurriedFeedGrace, Registry.Time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
        finally
        {
            if (!closed.IsCompleted)
            {
                Log.FeedHangs(Registry.Logger, _traceIdentifier, hurry.IsCancellationRequested ? SseDelays.HurriedFeedGrace : SseDelays.FeedGrace);
                _abandoned = closed;
            }

            _ = closed.ContinueWith(LogFaults, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }

        void LogFaults(Task faulted) => LogLate(faulted.Exception!.InnerException);
    }

    private async ValueTask WaitForClientAsync(ValueTask<FlushResult> flush)
    {
        _watchdog.WaitForClient();
        try
        {
            Flushed(await flush);
        }
        catch (Exception exception)
        {
            TryEnd(SseStreamEnd.ClientLeft);
            LogLate(exception);
        }

        _watchdog.ClientTook();
    }

    private void Flushing()
    {
        if (_events == 0 && _unflushedEvents > 0)
        {
            Registry.Metrics.FirstEvent(Registry.Time.GetElapsedTime(_opened));
        }

        _isKeepAliveDue = false;
        _watchdog.Written();
    }

    private void Flushed(FlushResult result)
    {
        if (result.IsCompleted)
        {
            TryEnd(SseStreamEnd.ClientLeft); // Not every server cancels the request.
        }
        else
        {
            _events += _unflushedEvents;
            Registry.Metrics.EventsSent(_unflushedEvents);
        }

        _unflushedEvents = 0;
    }

    private bool TryEnd(SseStreamEnd reason)
    {
        if (Interlocked.CompareExchange(ref _end, reason, SseStreamEnd.None) != SseStreamEnd.None)
        {
            return false;
        }

        _watchdog.Ending();
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
                    self.Signal.Set();
                    try
                    {
                        self.CancelFeed();
                    }
                    catch (AggregateException exception)
                    {
                        self.LogLate(exception);
                    }
                },
                this,
                preferLocal: false);
        }
    }

    private TimeSpan? LastRetry() => _end switch
    {
        // A wait that the feed has set holds; so does the stream's own after a feed that has said something.
        SseStreamEnd.Lifetime => _feedsRetry is null ? SseDelays.Renewal : null,
        SseStreamEnd.FeedEnded => _events > 0 || _feedsRetry is not null ? null : Registry.Backoff.Next(_http.Request, Settings.Retry, isFailure: false),
        SseStreamEnd.FeedFailed => Registry.Backoff.Next(_http.Request, Settings.Retry, isFailure: true),
        _ => SseDelays.HostGone(Settings.Retry),
    };

    // An end is what has ended the stream. What the feed throws after that is of interest to its author alone.
    private void LogLate(Exception? exception)
    {
        if (exception is not (null or OperationCanceledException))
        {
            Log.FeedFailedLate(Registry.Logger, exception, _traceIdentifier);
        }
    }
}
