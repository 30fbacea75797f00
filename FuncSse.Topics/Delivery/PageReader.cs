namespace FuncSse.Topics;

/// <summary>
/// Reads from the log what the ring no longer has: a few pages at a time, in the order in which they are asked for. Each page serves all
/// subscriptions that need a part of it soon, so that a storm of returning clients costs about as much as one of them.
/// </summary>
/// <param name="log">The log.</param>
/// <param name="metrics">Counts records that are not events.</param>
/// <param name="maxCachedBytes">How many bytes of pages are kept. Subscriptions hold their pages weakly, so this bounds the memory of all.</param>
internal sealed class PageReader(IEventLog log, TopicMetrics metrics, long maxCachedBytes) : IAsyncDisposable
{
    private const int MaxConcurrentReads = 4;

    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _turns = new(MaxConcurrentReads);
    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<LogPosition, Task<EventPage>> _reads = [];
    private readonly Queue<EventPage> _cached = new();
    private long _cachedBytes;

    // What is known about expired positions: one read of the earliest position decides for all clients that return at once.
    private LogPosition? _expired;
    private LogPosition? _earliest;

    /// <summary>A position before the oldest event that is kept.</summary>
    public Task<LogPosition> FindEarliestAsync() => log.GetEarliestAsync(_stop.Token);

    /// <summary>Finds the page that follows a position.</summary>
    /// <param name="position">The position: any position at all.</param>
    /// <param name="size">About how many bytes to read, if it has to be read.</param>
    /// <exception cref="EventLogUnavailableException">The log cannot be reached.</exception>
    /// <exception cref="OperationCanceledException">The hub has ended.</exception>
    public Task<EventPage> ReadAsync(LogPosition position, int size)
    {
        lock (_gate)
        {
            if (FindWithoutRead(position) is { } page)
            {
                return Task.FromResult(page);
            }

            if (!_reads.TryGetValue(position, out Task<EventPage>? read))
            {
                read = Task.Run(() => ReadInTurnAsync(position, size), CancellationToken.None);
                _reads.Add(position, read);
            }

            return read;
        }
    }

    /// <summary>Forgets all pages: the log may be another one, or have gone back.</summary>
    public void Clear()
    {
        lock (_gate)
        {
            _cached.Clear();
            (_cachedBytes, _expired, _earliest) = (0, null, null);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        Task[] reads;
        lock (_gate)
        {
            reads = [.. _reads.Values];
        }

        await Task.WhenAll(reads).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _turns.Dispose();
        _stop.Dispose();
    }

    private async Task<EventPage> ReadInTurnAsync(LogPosition position, int size)
    {
        try
        {
            await _turns.WaitAsync(_stop.Token);
            try
            {
                lock (_gate)
                {
                    if (FindWithoutRead(position) is { } found)
                    {
                        return found;
                    }
                }

                EventPage page = await EventPage.ReadAsync(log, position, size, metrics, _stop.Token);
                if (page.State == PositionState.Expired)
                {
                    await OnExpiredAsync(position);
                }
                else if (!page.IsEmpty)
                {
                    Cache(page);
                }

                return page;
            }
            finally
            {
                _turns.Release();
            }
        }
        finally
        {
            lock (_gate)
            {
                _reads.Remove(position);
            }
        }
    }

    private EventPage? FindWithoutRead(LogPosition position) => IsExpired(position)
        ? new EventPage(PositionState.Expired, position, position, [], [], HasMore: false)
        : _cached.FirstOrDefault(page => page.Continues(position));

    // Positions before an expired one or before the earliest one have expired too. Only the end of the last segment that was deleted may still be
    // known, since nothing is lost there.
    private bool IsExpired(LogPosition position) =>
        (_expired?.Epoch == position.Epoch && !position.IsAfter(_expired))
        || (_earliest?.Epoch == position.Epoch && _earliest.IsAfter(position) && position.Segment != _earliest.Segment - 1);

    private async Task OnExpiredAsync(LogPosition position)
    {
        LogPosition earliest = await log.GetEarliestAsync(_stop.Token);
        lock (_gate)
        {
            _expired = IsExpired(position) ? _expired : position;
            _earliest = earliest;
        }
    }

    private void Cache(EventPage page)
    {
        lock (_gate)
        {
            _cached.Enqueue(page);
            _cachedBytes += page.Size;
            while (_cachedBytes > maxCachedBytes && _cached.Count > 1)
            {
                _cachedBytes -= _cached.Dequeue().Size;
            }
        }
    }
}
