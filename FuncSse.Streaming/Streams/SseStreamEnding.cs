using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace FuncSse.Streaming;

/// <summary>
/// How one stream ends. The first reason counts: it decides whether the client is told how long to wait, and what is logged.
/// </summary>
/// <param name="http">The request.</param>
/// <param name="services">What all streams share.</param>
/// <param name="retry">How long the client of this stream waits before it reconnects.</param>
/// <param name="watchdog">What limits the time of the end.</param>
/// <param name="hostCancelled">The host's own way of cancelling the request.</param>
internal sealed class SseStreamEnding(
    HttpContext http, StreamServices services, TimeSpan retry, SseWatchdog watchdog, CancellationToken hostCancelled)
{
    // If a stream ended sooner, clients that ignore the retry would return to it again and again without a pause.
    private static readonly TimeSpan s_minDuration = TimeSpan.FromSeconds(1);

    // How long a stream waits before it breaks, if nothing shows that the server has sent what was flushed, or if the end is urgent.
    private static readonly TimeSpan s_breakDelay = TimeSpan.FromMilliseconds(500);

    // Captured early: what ends a stream may be logged when the context already serves another request.
    private readonly string _traceIdentifier = http.TraceIdentifier;
    private volatile SseStreamEnd _reason;

    public SseStreamEnd Reason => _reason;

    public bool IsOpen => _reason == SseStreamEnd.None;

    /// <summary>Whether there is a client to send to, and nothing is wrong with sending.</summary>
    public bool CanSend => _reason is not (SseStreamEnd.ClientLeft or SseStreamEnd.ClientStalled or SseStreamEnd.Failed);

    // Nothing hurries a feed that has ended by itself, so its client may take what is left at its own pace.
    private bool IsUrgent => _reason is not (SseStreamEnd.FeedEnded or SseStreamEnd.FeedFailed);

    public CancellationToken ClientLeft { get; } = http.RequestAborted;

    public CancellationToken HostCancelled => hostCancelled;

    /// <summary>Work of the feed that continues after the stream has given it up; <see langword="null"/> for none.</summary>
    public Task? AbandonedFeed { get; private set; }

    /// <summary>Ends the stream, unless something else has ended it before.</summary>
    /// <returns>Whether this is the reason.</returns>
    public bool TryEnd(SseStreamEnd reason)
    {
        if (Interlocked.CompareExchange(ref _reason, reason, SseStreamEnd.None) != SseStreamEnd.None)
        {
            return false;
        }

        RestartGrace();
        return true;
    }

    /// <summary>Limits from now on how long a client that does not read may delay the end, if anything waits for the end.</summary>
    public void RestartGrace()
    {
        if (IsUrgent)
        {
            watchdog.OnEnding();
        }
    }

    /// <summary>Keeps the response of a stream without events open until a second has passed since it opened.</summary>
    public static async Task HoldAsync(HttpContext http, StreamServices services, TimeSpan elapsed)
    {
        if (elapsed < s_minDuration)
        {
            await Task.Delay(s_minDuration - elapsed, services.Time, http.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>
    /// Ends the response without its last chunk, after what was flushed has reached the client: an abort alone would discard what the server
    /// has not sent yet.
    /// </summary>
    /// <param name="http">The request.</param>
    /// <param name="services">What all streams share.</param>
    /// <param name="limit">How long a client may take to read what is left, if the server can see when it has read all.</param>
    public static async Task BreakAsync(HttpContext http, StreamServices services, TimeSpan limit)
    {
        TimeSpan wait = s_breakDelay;
        IFeatureCollection features = http.Features;
        if (HttpProtocol.IsHttp11(http.Request.Protocol)
            && features.Get<ITlsConnectionFeature>() is null
            && features.Get<IConnectionTransportFeature>() is { } connection)
        {
            // The transport sends what it has and closes the socket, which ends the wait.
            await connection.Transport.Output.CompleteAsync();
            wait = limit;
        }

        await Task.Delay(wait, services.Time, http.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        http.Abort();
    }

    /// <summary>Breaks the response of this stream.</summary>
    /// <param name="limit">How long a client may take to read what is left, if the end is not urgent.</param>
    public Task BreakAsync(TimeSpan limit) => BreakAsync(http, services, IsUrgent ? s_breakDelay : limit);

    /// <summary>Ends the stream because the response's flush has thrown. Kestrel's does not; other servers' do when the client has left.</summary>
    public void EndByFlush(Exception exception)
    {
        if (exception is IOException or OperationCanceledException or ObjectDisposedException)
        {
            TryEnd(SseStreamEnd.ClientLeft);
            LogLate(exception);
        }
        else
        {
            EndByFault(exception);
        }
    }

    /// <summary>Ends the stream because of a fault that is neither the client's nor the feed's.</summary>
    public void EndByFault(Exception exception)
    {
        if (ClientLeft.IsCancellationRequested)
        {
            TryEnd(SseStreamEnd.ClientLeft);
            LogLate(exception);
        }
        else
        {
            TryEnd(SseStreamEnd.Failed);
            StreamLogMessages.StreamFailed(services.Logger, exception, _traceIdentifier);
        }
    }

    /// <summary>
    /// Ends the stream because the feed has no more events or has thrown. If one of the tokens has fired meanwhile, that is the reason.
    /// </summary>
    public void EndByFeed(Exception? failure)
    {
        SseStreamEnd reason = ClientLeft.IsCancellationRequested ? SseStreamEnd.ClientLeft
            : services.Stopping.IsCancellationRequested ? SseStreamEnd.HostStopping
            : hostCancelled.IsCancellationRequested ? SseStreamEnd.HostCancelled
            : failure is null ? SseStreamEnd.FeedEnded : SseStreamEnd.FeedFailed;
        if (TryEnd(reason) && reason == SseStreamEnd.FeedFailed && failure is not SseBrokenAnswerException)
        {
            services.LogFailure(failure!, _traceIdentifier);
        }
        else
        {
            LogLate(failure);
        }
    }

    /// <summary>Logs what a feed throws after the stream has ended for another reason. Only the feed's author needs it.</summary>
    public void LogLate(Exception? exception)
    {
        if (exception is not (null or OperationCanceledException or SseBrokenAnswerException))
        {
            StreamLogMessages.FeedFailedLate(services.Logger, exception, _traceIdentifier);
        }
    }

    /// <summary>Logs the end.</summary>
    public void LogEnd(TimeSpan duration, long events) =>
        StreamLogMessages.StreamEnded(services.Logger, _traceIdentifier, duration, events, _reason.ToName());

    /// <summary>What the last <c>retry</c> tells the client; <see langword="null"/> if its present wait is right.</summary>
    /// <param name="events">How many events were sent.</param>
    /// <param name="feedRetry">The wait that the feed has set, if it has.</param>
    public TimeSpan? LastRetry(long events, TimeSpan? feedRetry) => _reason switch
    {
        // A wait that the feed has set stays, and so does the stream's own after a feed that has sent something.
        SseStreamEnd.Lifetime => feedRetry is null ? SseDelays.Renewal : null,
        SseStreamEnd.FeedEnded => events > 0 || feedRetry is not null ? null : services.Backoff.GetWait(http.Request, retry, isFailure: false),
        SseStreamEnd.FeedFailed => services.Backoff.GetWait(http.Request, retry, isFailure: true),
        _ => SseDelays.HostGone(retry),
    };

    /// <summary>
    /// Waits until the feed has cleaned up, for a limited time. The response ends after that, because the feed may use what the request owns. A
    /// client that has received the end sends the next request on the same connection, which would wait for this one.
    /// </summary>
    public async Task WaitForFeedAsync(Func<Task> closeFeed)
    {
        Task closed = Task.Run(closeFeed); // It may block.
        using var hurry = CancellationTokenSource.CreateLinkedTokenSource(services.Stopping, hostCancelled);
        try
        {
            await closed.WaitAsync(SseDelays.FeedGrace, services.Time, hurry.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (hurry.IsCancellationRequested)
            {
                await closed.WaitAsync(SseDelays.ShortFeedGrace, services.Time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
        finally
        {
            if (!closed.IsCompleted)
            {
                StreamLogMessages.FeedHangs(services.Logger, _traceIdentifier, hurry.IsCancellationRequested ? SseDelays.ShortFeedGrace : SseDelays.FeedGrace);
                AbandonedFeed = closed;
            }

            _ = closed.ContinueWith(LogFaults, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }

        void LogFaults(Task faulted) => LogLate(faulted.Exception!.InnerException);
    }
}
