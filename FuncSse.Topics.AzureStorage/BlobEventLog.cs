using System.Globalization;
using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Microsoft.Extensions.Logging;

namespace FuncSse.Topics.AzureStorage;

/// <summary>The log in append blobs of one container of a storage account.</summary>
internal sealed class BlobEventLog : IEventLog
{
    // 8 TB, of which an append blob has 50,000 blocks of 100 MB at most. Beyond it a range may have no valid end, and a service that passes
    // over such a range sends the whole blob.
    private const long MaxOffset = 1L << 43;

    private static readonly TimeSpan s_epochFreshness = TimeSpan.FromSeconds(1);

    private readonly BlobLogContainer _container;
    private readonly BlobLogRoller _roller;
    private readonly BlobLogReader _reader;
    private readonly PollSchedule _polls;
    private readonly TimeProvider _time;
    private long _stranger;

    /// <summary>Makes one.</summary>
    /// <param name="container">The container, through a client that repeats what fails.</param>
    /// <param name="appendContainer">The same, through one that does not.</param>
    /// <param name="options">Retention, size and poll interval.</param>
    /// <param name="limits">When to go on in a new segment.</param>
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
        _time = time;
        _container = new BlobLogContainer(container, appendContainer, logger);
        _roller = new BlobLogRoller(_container, limits, options, time, logger);
        _reader = new BlobLogReader(_container, _roller, time);
        _polls = new PollSchedule(options.PollInterval, time);
    }

    public TimeSpan? OldestAge => _roller.OldestAge;

    public Task<LogPosition> GetEndAsync(CancellationToken cancellationToken) =>
        StorageErrors.TranslateAsync(() => FindEndAsync(cancellationToken), cancellationToken);

    public Task<LogPosition> GetEarliestAsync(CancellationToken cancellationToken) =>
        StorageErrors.TranslateAsync(() => FindEarliestAsync(cancellationToken), cancellationToken);

    public async Task<LogPage> ReadAsync(LogPosition after, int maxBytes, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(after);
        try
        {
            LogPage page = await StorageErrors.TranslateAsync(() => ReadPageAsync(after, maxBytes, cancellationToken), cancellationToken);
            if (page.Records.Count > 0)
            {
                _polls.News();
            }

            return page;
        }
        catch (EventLogUnavailableException)
        {
            _polls.Throttled();
            throw;
        }
    }

    public async Task WaitAsync(LogPosition after, CancellationToken cancellationToken)
    {
        BlobLogState state =
            await StorageErrors.TranslateAsync(() => _container.LocateAsync(cancellationToken).AsTask(), cancellationToken);
        await _roller.KeepUpAsync(state, cancellationToken);
        await _polls.WaitAsync(after, cancellationToken);
    }

    public Task<IReadOnlyList<LogPosition>?> AppendAsync(
        string epoch, IReadOnlyList<ReadOnlyMemory<byte>> records, CancellationToken cancellationToken) =>
        StorageErrors.TranslateAsync(() => AppendBlockAsync(epoch, records, cancellationToken), cancellationToken);

    private async Task<IReadOnlyList<LogPosition>?> AppendBlockAsync(
        string epoch, IReadOnlyList<ReadOnlyMemory<byte>> records, CancellationToken cancellationToken)
    {
        long[] ends = new long[records.Count];
        byte[] block = SegmentBytes.Join(records, ends);
        for (BlobLogState state = await _container.LocateAsync(cancellationToken); state.Epoch == epoch;)
        {
            try
            {
                using var content = new MemoryStream(block, writable: false);
                BlobAppendInfo appended =
                    await _container.SegmentToAppend(state).AppendBlockAsync(content, cancellationToken: cancellationToken);
                long begin = long.Parse(appended.BlobAppendOffset, NumberStyles.None, CultureInfo.InvariantCulture);
                LogPosition[] positions = [.. ends.Select(end => new LogPosition(epoch, state.Active, begin + end))];
                _polls.Appended(positions[^1]);
                await KeepUpAsync(state, appended.BlobCommittedBlockCount, positions[^1].Offset, cancellationToken);
                return positions;
            }
            catch (RequestFailedException full) when (full.ErrorCode == "BlobIsSealed" || full.ErrorCode == "BlockCountExceedsLimit")
            {
                state = await _roller.RollAsync(state, cancellationToken);
            }
            catch (RequestFailedException missing) when (missing.Status == 404)
            {
                // Deleted: this segment because it is past retention, or the whole log.
                _container.Forget(state);
                state = await _container.LocateAsync(cancellationToken);
            }
        }

        return null;
    }

    // What was appended is acknowledged whatever becomes of this.
    private async Task KeepUpAsync(BlobLogState state, int blocks, long length, CancellationToken cancellationToken)
    {
        try
        {
            if (_roller.IsFull(blocks, length))
            {
                await _roller.RollAsync(state, cancellationToken);
            }
            else
            {
                await _roller.KeepUpAsync(state, cancellationToken);
            }
        }
        catch (Exception exception) when (exception is EventLogUnavailableException || StorageErrors.IsOutage(exception, CancellationToken.None))
        {
            // The segment is full for the next one too.
        }
    }

    private async Task<LogPosition> FindEndAsync(CancellationToken cancellationToken)
    {
        BlobLogState state = await _container.LocateAsync(cancellationToken);
        while (true)
        {
            try
            {
                BlobProperties properties =
                    await _container.Segment(state.Epoch, state.Active).GetPropertiesAsync(cancellationToken: cancellationToken);
                if (!properties.IsSealed)
                {
                    return await _reader.FindLastEndAsync(state, properties.ContentLength, cancellationToken);
                }

                state = await _roller.RollAsync(state, cancellationToken);
            }
            catch (RequestFailedException missing) when (missing.Status == 404)
            {
                _container.Forget(state);
                state = await _container.LocateAsync(cancellationToken);
            }
        }
    }

    private async Task<LogPosition> FindEarliestAsync(CancellationToken cancellationToken)
    {
        BlobLogState state = await _container.LocateAsync(cancellationToken);
        IReadOnlyList<BlobSegment> segments = await _container.ListAsync(state.Epoch, cancellationToken);
        if (segments.Count == 0)
        {
            _container.Forget(state);
            state = await _container.LocateAsync(cancellationToken);
        }

        return new LogPosition(state.Epoch, segments.Count > 0 ? segments[0].Number : state.Active, 0);
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

    // The position is of an epoch that this instance does not know: of a log that was made anew, or of nothing. Asked for once a second.
    private async Task<BlobLogState> LookAgainAsync(BlobLogState state, CancellationToken cancellationToken)
    {
        long last = Volatile.Read(ref _stranger);
        if (last != 0 && _time.GetElapsedTime(last) < s_epochFreshness)
        {
            return state;
        }

        Volatile.Write(ref _stranger, _time.GetTimestamp());
        _container.Forget(state);
        return await _container.LocateAsync(cancellationToken);
    }

    // There is no such segment: it is past retention, never was, or all of the log is gone.
    private async Task<LogPage> FindLostAsync(BlobLogState state, LogPosition after, int maxBytes, CancellationToken cancellationToken)
    {
        _container.Forget(state);
        state = await _container.LocateAsync(cancellationToken);
        if (state.Epoch != after.Epoch || after.Segment > state.Active)
        {
            return new LogPage(PositionState.Unknown, [], after);
        }

        long? end = await _container.FindPreviousLengthAsync(after.Epoch, after.Segment + 1, cancellationToken);
        var begin = new LogPosition(after.Epoch, after.Segment + 1, 0);
        return end == after.Offset && await _reader.ReadAsync(state, begin, maxBytes, cancellationToken) is { } page
            ? page
            : new LogPage(PositionState.Expired, [], after);
    }
}
