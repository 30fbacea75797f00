using System.Net.ServerSentEvents;
using FuncSse.Streaming;

namespace FuncSse.Topics;

/// <summary>What became of a start.</summary>
internal enum RecordingClaim
{
    /// <summary>The name is free, or the log cannot tell at present.</summary>
    Free,

    /// <summary>Another start of this name was first.</summary>
    Taken,

    /// <summary>A stream of this name has ended.</summary>
    Over,
}

/// <summary>
/// Runs a feed and records it. Three things go on at the same time: the feed, whose events clients of this process get at once; their way into the
/// log; and the reading of what others say about this name.
/// </summary>
#pragma warning disable CA1001 // The source has no timer, and may be cancelled at any time.
internal sealed class RecordingProducer(
    string name, SseFeed<string> feed, RecordedStreamOptions options, RecordingLog log, RecordingMetrics metrics, TimeProvider time)
#pragma warning restore CA1001
{
    /// <summary>How often a process shows that it lives, if it has no events.</summary>
    public static readonly TimeSpan AliveInterval = TimeSpan.FromSeconds(5);

    // A feed has the same time in a stream when the host stops.
    private static readonly TimeSpan s_feedGrace = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_settleLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_retryDelay = TimeSpan.FromMilliseconds(500);

    private readonly string _run = Recording.NewRun();
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource<RecordingClaim> _claim = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _isSettled = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private LogPosition? _from;
    private volatile bool _isTold; // The log has an end of this run.
    private RecordedStreamEnd _stopReason = RecordedStreamEnd.Stopped;

    public Recording Recording { get; } = new(isProduced: true);

    /// <summary>What became of the start: it is known once the log was asked, which goes on beside the feed.</summary>
    public Task<RecordingClaim> Claim => _claim.Task;

    /// <summary>Whether another start of this name turned out to be the first, at any time.</summary>
    public bool IsSuperseded { get; private set; }

    public void Stop(RecordedStreamEnd reason)
    {
        lock (_stop)
        {
            if (_stop.IsCancellationRequested)
            {
                return;
            }

            _stopReason = reason;
        }

        _ = _stop.CancelAsync();
    }

    /// <summary>Runs until the log has the end, or until it is clear that it will not.</summary>
    public async Task<RecordedStreamEnd> RunAsync()
    {
        Recording.SetRun(_run);
        using ITimer limit = time.CreateTimer(_ => Stop(RecordedStreamEnd.TimedOut), null, options.MaxDuration, Timeout.InfiniteTimeSpan);
        using var watching = new CancellationTokenSource();
        Task produce = Task.Run(ProduceAsync);
        try
        {
            await RecordAsync(watching.Token);
        }
        finally
        {
            _claim.TrySetResult(RecordingClaim.Free); // Others wait for it, whatever has happened.
            _isSettled.TrySetResult();
        }

        await produce;
        await watching.CancelAsync();
        return Recording.End!.Value;
    }

    private async Task ProduceAsync()
    {
        long began = time.GetTimestamp();
        Task<RecordedStreamEnd> reading = Task.Run(() => ReadFeedAsync(began));
        await Task.WhenAny(reading, Task.Delay(Timeout.InfiniteTimeSpan, time, _stop.Token));
        await ((Task)reading).WaitAsync(s_feedGrace, time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        // A client that got the whole of a second start would have something else than all others.
        await _isSettled.Task.WaitAsync(s_settleLimit, time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        RecordedStreamEnd end = reading.IsCompletedSuccessfully && !IsSuperseded ? reading.Result : _stopReason;
        Recording.Finish(end, end == RecordedStreamEnd.Completed || IsSuperseded ? null : Close(end));
    }

    private async Task<RecordedStreamEnd> ReadFeedAsync(long began)
    {
        try
        {
            bool isFirst = true;
            await foreach (SseItem<string> one in feed(null, _stop.Token))
            {
                SseFields.CheckType(one.EventType);
                if (!Recording.Add(one))
                {
                    throw new InvalidOperationException($"The events have more than {Recording.MaxSize} bytes.");
                }

                if (Recording.End is not null)
                {
                    break; // It ignores its token, and must not go on for nobody.
                }

                if (isFirst)
                {
                    metrics.FirstEvent(time.GetElapsedTime(began));
                    isFirst = false;
                }
            }

            return _stop.IsCancellationRequested ? _stopReason : RecordedStreamEnd.Completed;
        }
        catch (Exception exception)
        {
            if (_stop.IsCancellationRequested)
            {
                return _stopReason;
            }

            metrics.FeedFailed(name, exception);
            return RecordedStreamEnd.Failed;
        }
    }

    private IEnumerable<SseItem<string>> Close(RecordedStreamEnd end)
    {
        try
        {
            return [.. options.Closing?.Invoke(end) ?? []];
        }
        catch (Exception exception)
        {
            metrics.FeedFailed(name, exception);
            return [];
        }
    }

    // Brings the events into the log. While the log is away, the clients of this process get them all the same.
    private async Task RecordAsync(CancellationToken watching)
    {
        (bool isStarted, bool hasFailed, int sent, long? endedAt) = (false, false, 0, null);
        while (true)
        {
            try
            {
                if (!isStarted)
                {
                    isStarted = await TryStartAsync(watching);
                    if (!isStarted)
                    {
                        return;
                    }
                }

                await Recording.WaitAsync(sent).WaitAsync(AliveInterval, time, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                (SseItem<string>[] events, RecordedStreamEnd? end) = Recording.Take(sent);
                if (IsSuperseded)
                {
                    return;
                }

                // The first end counts: followers have told their clients.
                if (end is not null && (_isTold || (hasFailed && await log.FindAsync(name) is { Kind: RecordingEntry.EndKind })))
                {
                    return;
                }

                RecordingEntry entry = end is not null ? RecordingEntry.OfEnd(_run, Recording.Take(0).Events, end.Value)
                    : events.Length > 0 ? RecordingEntry.OfEvents(_run, sent, events)
                    : RecordingEntry.OfLife(_run);
                await log.AppendAsync(name, entry, CancellationToken.None);
                metrics.Recorded();
                if (end is not null)
                {
                    return;
                }

                sent += events.Length;
            }
            catch (Exception exception) when (exception is EventLogUnavailableException or OperationCanceledException)
            {
                metrics.NotRecorded(name, exception);
                hasFailed = true;
                _claim.TrySetResult(RecordingClaim.Free);
                _isSettled.TrySetResult();
                endedAt ??= Recording.End is null ? null : time.GetTimestamp();
                if (endedAt is { } since && time.GetElapsedTime(since) > EventLogWriter.PublishTimeout)
                {
                    return; // The stream was not recorded.
                }

                await Task.Delay(s_retryDelay, time, CancellationToken.None);
            }
        }
    }

    private async Task<bool> TryStartAsync(CancellationToken watching)
    {
        // The client waits for the claim, and the end of a long log may take longer.
        Task<bool> claiming = TryClaimAsync();
        Task<LogPosition> finding = log.FindEndAsync(watching);
        await Task.WhenAll(claiming, finding);
        LogPosition end = finding.Result;
        // An earlier try may have landed, and another start before it.
        LogPosition from = _from = _from?.Epoch == end.Epoch ? _from! : end;
        // Another start may have come into the log after the first question and before its end.
        if (!claiming.Result || !await TryClaimAsync())
        {
            return false;
        }

        await log.AppendAsync(name, RecordingEntry.OfStart(_run, from), CancellationToken.None);
        _ = WatchAsync(from.ToString(), watching);
        return true;
    }

    private async Task<bool> TryClaimAsync()
    {
        if (await log.FindAsync(name) is { } known && known.Run != _run)
        {
            Supersede(known.Kind == RecordingEntry.EndKind ? RecordingClaim.Over : RecordingClaim.Taken);
            return false;
        }

        _claim.TrySetResult(RecordingClaim.Free);
        return true;
    }

    private async Task WatchAsync(string from, CancellationToken cancellationToken)
    {
        try
        {
            bool isFirstStart = true;
            await foreach (RecordingEntry? entry in log.ReadAsync(name, from, withEvents: false, cancellationToken))
            {
                if (entry is { Kind: RecordingEntry.StartKind } && isFirstStart)
                {
                    isFirstStart = false;
                    if (entry.Run != _run)
                    {
                        Supersede(RecordingClaim.Taken);
                    }

                    _isSettled.TrySetResult();
                }
                else if (entry is { Kind: RecordingEntry.StopKind })
                {
                    Stop(RecordedStreamEnd.Stopped);
                }
                else if (entry is { Kind: RecordingEntry.EndKind } && entry.Run == _run)
                {
                    _isTold = true;
                    Stop(RecordedStreamEnd.Died); // Followers took this process for dead, and have told their clients.
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The stream has ended.
        }
    }

    private void Supersede(RecordingClaim claim)
    {
        IsSuperseded = true;
        Stop(RecordedStreamEnd.Stopped); // It goes before what lets the stream end.
        _claim.TrySetResult(claim);
        _isSettled.TrySetResult();
    }
}
