namespace FuncSse.Topics;

/// <summary>
/// Reads from the log what the ring no longer has. One page at a time, the earliest first, and each page goes to all who wait for a part of
/// it: a storm of returning clients costs about what one of them does.
/// </summary>
internal sealed class CatchUp(IEventLog log, TopicMetrics metrics, TimeProvider time, long maxCachedBytes) : IAsyncDisposable
{
    private const int PageSize = 256 * 1024;

    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(100);

    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly PageCache _cache = new(maxCachedBytes);
    private List<CatchUpRequest> _requests = [];
    private EventLogReader? _reader;
    private TaskCompletionSource? _requested;
    private Task _run = Task.CompletedTask;
    private bool _runs;

    /// <summary>Asks for a page; <see cref="TopicSubscription.OnPageLoaded"/> or <see cref="TopicSubscription.OnPositionLost"/> is the answer.</summary>
    /// <param name="subscription">Whom it is for.</param>
    /// <param name="from">The position; <see langword="null"/> for the earliest.</param>
    /// <param name="isTrusted">Whether the position is known to be one.</param>
    public void Request(TopicSubscription subscription, LogPosition? from, bool isTrusted)
    {
        lock (_gate)
        {
            _requests.Add(new CatchUpRequest(subscription, from, isTrusted));
            if (!_runs && !_stop.IsCancellationRequested)
            {
                _runs = true;
                _run = Task.Run(RunAsync, CancellationToken.None);
            }

            _requested?.TrySetResult();
        }
    }

    public async ValueTask DisposeAsync()
    {
        Task run;
        Task cancel;
        lock (_gate)
        {
            cancel = _stop.CancelAsync();
            run = _run;
        }

        await cancel;
        await run;
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        while (await HasRequestsAsync())
        {
            try
            {
                await ServeAsync(_stop.Token);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (EventLogUnavailableException exception)
            {
                metrics.Unreachable(exception);
                await PauseAsync();
            }
            catch (Exception exception)
            {
                metrics.ReadingFailed(exception);
                await PauseAsync();
            }
        }
    }

    private async Task PauseAsync() =>
        await Task.Delay(s_pause, time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    // Pages are kept for those who come a little later, and no longer.
    private async Task<bool> HasRequestsAsync()
    {
        Task requested;
        lock (_gate)
        {
            if (_requests.Count > 0)
            {
                return true;
            }

            _requested = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            requested = _requested.Task;
        }

        try
        {
            await requested.WaitAsync(PageCache.Lifetime, time, _stop.Token);
        }
        catch (Exception exception) when (exception is TimeoutException or OperationCanceledException)
        {
            // Nobody came; or someone did just now, which the count tells.
        }

        lock (_gate)
        {
            _requested = null;
            _runs = _requests.Count > 0 && !_stop.IsCancellationRequested;
            if (!_runs)
            {
                _cache.Clear();
                _reader = null;
            }

            return _runs;
        }
    }

    private async Task ServeAsync(CancellationToken cancellationToken)
    {
        await FindEarliestAsync(cancellationToken);
        CatchUpRequest? first;
        lock (_gate)
        {
            _requests.RemoveAll(request => request.Subscription.IsEnded);
            first = _requests.Where(request => request.From is not null)
                .Aggregate((CatchUpRequest?)null, (least, next) => least is null || least.From!.IsAfter(next.From!) ? next : least);
        }

        if (first is null)
        {
            return;
        }

        EventPage page = _cache.Find(first) ?? await LoadAsync(first.From!, cancellationToken);
        metrics.Reachable();
        List<CatchUpRequest> served;
        lock (_gate)
        {
            served = _requests.FindAll(request => request.IsServedBy(page));
            _requests.RemoveAll(request => request.IsServedBy(page));
        }

        foreach (CatchUpRequest request in served)
        {
            if (page.State == PositionState.Known)
            {
                request.Subscription.OnPageLoaded(page, request.From!);
            }
            else
            {
                request.Subscription.OnPositionLost(page.State);
            }
        }

        if (page.End == page.Start && page.State == PositionState.Known)
        {
            // At the log's end before the hub's reader is there, which it will be soon. Nobody must ask again and again meanwhile.
            await PauseAsync();
        }
    }

    private async Task FindEarliestAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (!_requests.Exists(request => request.From is null))
            {
                return;
            }
        }

        LogPosition earliest = await log.GetEarliestAsync(cancellationToken);
        lock (_gate)
        {
            _requests = [.. _requests.Select(request => request.From is null ? request with { From = earliest, IsTrusted = true } : request)];
        }
    }

    private async Task<EventPage> LoadAsync(LogPosition from, CancellationToken cancellationToken)
    {
        if (_reader?.Position != from)
        {
            _reader = new EventLogReader(log, from, metrics);
        }

        EventPage page = await _reader.ReadAsync(PageSize, cancellationToken);
        if (page.State != PositionState.Known)
        {
            _reader = null;
        }
        else if (page.End != page.Start)
        {
            _cache.Add(page);
        }

        return page;
    }
}
