using Azure.Storage.Blobs;
using Microsoft.Extensions.Logging;

namespace FuncSse.Topics.AzureStorage;

/// <summary>The log in append blobs of one container of a storage account.</summary>
internal sealed class BlobEventLog : IEventLog
{
    // 8 TB, which is more than an append blob can have (50,000 blocks of 100 MB). Beyond that, a range may have no valid end, and a service that
    // ignores such a range sends the whole blob.
    private const long MaxOffset = 1L << 43;

    private static readonly TimeSpan s_lookAgainPause = TimeSpan.FromSeconds(1);

    private readonly BlobLogContainer _container;
    private readonly BlobLogRoller _roller;
    private readonly BlobLogReader _reader;
    private readonly BlobLogAppender _appender;
    private readonly PollSchedule _polls;
    private readonly BlobValueCache _cache;
    private readonly BlobLogTail _tail;
    private readonly BlobValueList _list;
    private readonly BlobValues _values;
    private readonly BlobValueWriter _valueWriter;
    private readonly TopicOptions _options;
    private readonly TimeProvider _time;
    private long _lastLookAgain;

    /// <summary>Creates the log.</summary>
    /// <param name="container">The container, through a client that repeats failed requests.</param>
    /// <param name="appendContainer">The same, through one that does not.</param>
    /// <param name="options">Retention, size and poll interval.</param>
    /// <param name="limits">When to begin a new segment.</param>
    /// <param name="time">For pauses and elapsed times; never for dates.</param>
    /// <param name="logger">Told when segments come and go.</param>
    public BlobEventLog(
        BlobContainerClient container,
        BlobContainerClient appendContainer,
        TopicOptions options,
        BlobLogLimits limits,
        TimeProvider time,
        ILogger logger)
    {
        (_options, _time) = (options, time);
        _container = new BlobLogContainer(container, appendContainer, logger);
        _roller = new BlobLogRoller(_container, limits, options, time, logger);
        _reader = new BlobLogReader(_container, _roller, time);
        _appender = new BlobLogAppender(_container, _roller);
        _polls = new PollSchedule(options.PollInterval, time);
        _cache = new BlobValueCache(options.ValueLifetime is null, time);
        _tail = new BlobLogTail(_container, _roller, _reader, _cache);
        var store = new BlobValueStore(container, options.ValueLifetime);
        _list = new BlobValueList(store, _cache, options.ValueLifetime, time);
        _values = new BlobValues(_container, _reader, store, _list, _cache);
        _valueWriter = new BlobValueWriter(_container, _reader, store, _cache, _list, time);
    }

    public TimeSpan? OldestAge => _roller.OldestAge;

    public Task<LogPosition> GetEndAsync(CancellationToken cancellationToken) =>
        StorageErrors.TranslateAsync(() => _tail.FindEndAsync(cancellationToken), cancellationToken);

    public Task<LogPosition> GetEarliestAsync(CancellationToken cancellationToken) =>
        StorageErrors.TranslateAsync(() => FindEarliestAsync(cancellationToken), cancellationToken);

    public async Task<LogPage> ReadAsync(LogPosition after, int maxBytes, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(after);
        _polls.OnReading();
        try
        {
            LogPage page = await StorageErrors.TranslateAsync(() => ReadPageAsync(after, maxBytes, cancellationToken), cancellationToken);
            if (page.Records.Count > 0)
            {
                _polls.OnNews();
                _cache.Follow(after, page.Records, page.Next);
            }

            return page;
        }
        catch (EventLogUnavailableException)
        {
            _polls.OnThrottled();
            throw;
        }
    }

    public async Task WaitAsync(LogPosition after, CancellationToken cancellationToken)
    {
        BlobLogState state =
            await StorageErrors.TranslateAsync(() => _container.LocateAsync(cancellationToken).AsTask(), cancellationToken);
        _roller.KeepUp(state);
        _list.KeepUp();
        await _polls.WaitAsync(after, cancellationToken);
    }

    public Task<IReadOnlyList<LogPosition>> AppendAsync(IReadOnlyList<NumberedRecord> records, CancellationToken cancellationToken) =>
        StorageErrors.TranslateAsync(() => AppendRecordsAsync(records, cancellationToken), cancellationToken);

    public Task<IReadOnlyList<RetainedValue>?> ReadValuesAsync(TopicSet topics, int max, CancellationToken cancellationToken) =>
        StorageErrors.TranslateAsync(() => FindValuesAsync(topics, max, cancellationToken), cancellationToken);

    public Task<int> FindRoomAsync(string topic, CancellationToken cancellationToken) =>
        StorageErrors.TranslateAsync(() => _values.FindRoomAsync(topic, _options.MaxRetained, cancellationToken), cancellationToken);

    private async Task<IReadOnlyList<LogPosition>> AppendRecordsAsync(IReadOnlyList<NumberedRecord> records, CancellationToken cancellationToken)
    {
        IReadOnlyList<LogPosition> ends = await _appender.AppendAsync(records, cancellationToken);
        _polls.OnAppended(ends[^1]);

        // A reader that begins in the next segment does not see the values of this one in the log.
        await _valueWriter.StoreAsync(records, ends, cancellationToken);
        await _appender.KeepUpAsync(cancellationToken);
        return ends;
    }

    private async Task<IReadOnlyList<RetainedValue>?> FindValuesAsync(TopicSet topics, int max, CancellationToken cancellationToken)
    {
        if (_cache.Followed?.Epoch != (await _container.LocateAsync(cancellationToken)).Epoch)
        {
            // Otherwise each value's position would be looked up in the log.
            await _tail.FindEndAsync(cancellationToken);
        }

        return await _values.ReadAsync(topics, max, cancellationToken);
    }

    private async Task<LogPosition> FindEarliestAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            BlobLogState state = await _container.LocateAsync(cancellationToken);
            IReadOnlyList<BlobSegment> segments = await _container.ListAsync(state.Epoch, cancellationToken);
            if (segments.FirstOrDefault(segment => !segment.IsDeleted) is { } oldest)
            {
                return new LogPosition(state.Epoch, oldest.Number, 0, oldest.Mark);
            }

            _container.Forget(state); // The log was deleted.
        }
    }

    private async Task<LogPage> ReadPageAsync(LogPosition after, int maxBytes, CancellationToken cancellationToken)
    {
        BlobLogState state = await _container.LocateAsync(cancellationToken);
        if (state.Epoch != after.Epoch)
        {
            state = await LookAgainAsync(state, cancellationToken);
        }

        if (state.Epoch != after.Epoch || after.Segment < 1 || after.Offset > MaxOffset)
        {
            return new LogPage(PositionState.Unknown, [], after);
        }

        return await _reader.ReadAsync(state, after, maxBytes, cancellationToken)
            ?? await FindLostAsync(state, after, maxBytes, cancellationToken);
    }

    // This instance does not know the position's epoch: the log was created again, or the position is forged. The container is asked at most once a
    // second.
    private async Task<BlobLogState> LookAgainAsync(BlobLogState state, CancellationToken cancellationToken)
    {
        long last = Volatile.Read(ref _lastLookAgain);
        if (last != 0 && _time.GetElapsedTime(last) < s_lookAgainPause)
        {
            return state;
        }

        Volatile.Write(ref _lastLookAgain, _time.GetTimestamp());
        _container.Forget(state);
        return await _container.LocateAsync(cancellationToken);
    }

    // There is no such segment: it is past retention, it never existed, or the whole log is gone.
    private async Task<LogPage> FindLostAsync(BlobLogState state, LogPosition after, int maxBytes, CancellationToken cancellationToken)
    {
        _container.Forget(state);
        state = await _container.LocateAsync(cancellationToken);
        if (state.Epoch != after.Epoch || after.Segment > state.Active)
        {
            return new LogPage(PositionState.Unknown, [], after);
        }

        LogPosition? end = await _container.FindPreviousEndAsync(after.Epoch, after.Segment + 1, cancellationToken);
        return end == after
            && await _reader.FindBeginningAsync(after.Epoch, after.Segment + 1, cancellationToken) is { } begin
            && await _reader.ReadAsync(state, begin, maxBytes, cancellationToken) is { } page
                ? page
                : new LogPage(PositionState.Expired, [], after);
    }
}
