using Microsoft.AspNetCore.Http;

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
    // Captured early: what ends a stream may be logged when the context already serves another request.
    private readonly string _traceIdentifier = http.TraceIdentifier;
    private volatile SseStreamEnd _reason;

    public SseStreamEnd Reason => _reason;

    public bool IsOpen => _reason == SseStreamEnd.None;

    public bool IsClientThere => _reason is not (SseStreamEnd.ClientLeft or SseStreamEnd.ClientStalled);

    public CancellationToken ClientLeft { get; } = http.RequestAborted;

    public CancellationToken HostCancelled => hostCancelled;

    /// <summary>Feed work that goes on although it was given up; <see langword="null"/> for none.</summary>
    public Task? AbandonedFeed { get; private set; }

    /// <summary>Ends the stream, unless something else has ended it before.</summary>
    /// <returns>Whether this is the reason.</returns>
    public bool TryEnd(SseStreamEnd reason)
    {
        if (Interlocked.CompareExchange(ref _reason, reason, SseStreamEnd.None) != SseStreamEnd.None)
        {
            return false;
        }

        watchdog.OnEnding();
        return true;
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
        if (TryEnd(reason) && reason == SseStreamEnd.FeedFailed)
        {
            services.LogFailure(failure!, _traceIdentifier);
        }
        else
        {
            LogLate(failure);
        }
    }

    /// <summary>Logs what a feed throws after the stream has ended for another reason. It interests the feed's author only.</summary>
    public void LogLate(Exception? exception)
    {
        if (exception is not (null or OperationCanceledException))
        {
            StreamLogMessages.FeedFailedLate(services.Logger, exception, _traceIdentifier);
        }
    }

    /// <summary>Logs the end.</summary>
    public void LogEnd(TimeSpan duration, long events) =>
        StreamLogMessages.StreamEnded(services.Logger, _traceIdentifier, duration, events, _reason.ToName());

    /// <summary>What the last <c>retry</c> tells the client; <see langword="null"/> if the present wait is right.</summary>
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
    /// Waits until the feed has cleaned up, for a limited time. The response ends after that, because the feed may use what the request
    /// owns. A client that has its end sends the next request on the same connection, which would wait for this one.
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
