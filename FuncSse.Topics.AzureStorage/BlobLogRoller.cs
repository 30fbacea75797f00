using Azure;
using Azure.Storage.Blobs.Models;
using Microsoft.Extensions.Logging;

namespace FuncSse.Topics.AzureStorage;

/// <summary>
/// Begins new segments and deletes old ones. Any instance may do any step, at the same time as another, and each step checks whether it is already
/// done. If an instance crashes between two steps, the next instance finishes them.
/// </summary>
internal sealed class BlobLogRoller(BlobLogContainer container, BlobLogLimits limits, TopicOptions options, TimeProvider time, ILogger logger)
{
    // No request is under way for longer: the client gives one up after 5 s.
    private static readonly TimeSpan s_deletedNameLifetime = TimeSpan.FromMinutes(10);

    private readonly Lock _gate = new();
    private Task _upkeep = Task.CompletedTask;
    private long? _lastUpkeep;
    private bool _hasFailed;
    private Tuple<TimeSpan, long>? _oldest;

    /// <summary>How old the oldest segment is, by the service's clock, with the time that has passed here since it was listed.</summary>
    public TimeSpan? OldestAge => Volatile.Read(ref _oldest) is { } oldest ? oldest.Item1 + time.GetElapsedTime(oldest.Item2) : null;

    /// <summary>Whether the segment is full.</summary>
    public bool IsFull(int blocks, long length) => blocks >= limits.MaxBlocks || length >= limits.MaxSegmentBytes;

    /// <summary>Seals the active segment, which makes its end final, and creates the next one. Steps that are already done are kept.</summary>
    /// <exception cref="EventLogUnavailableException">The log was deleted meanwhile.</exception>
    public async Task<BlobLogState> RollAsync(BlobLogState state, CancellationToken cancellationToken)
    {
        container.Forget(state);
        BlobLogState newest = await container.LocateAsync(cancellationToken);
        if (newest.Epoch != state.Epoch || newest.Active > state.Active)
        {
            return newest;
        }

        try
        {
            await container.SealAsync(state.Epoch, state.Active, cancellationToken);
            BlobProperties properties = await container.Segment(state.Epoch, state.Active).GetPropertiesAsync(cancellationToken: cancellationToken);
            LogPosition end = await container.FindLastEndAsync(state.Epoch, state.Active, properties, cancellationToken);
            if (await container.CreateSegmentAsync(end, cancellationToken))
            {
                var next = new BlobLogState(state.Epoch, state.Active + 1, 0);
                container.Advance(next);
                StorageLogMessages.Rolled(logger, next.Active, end.Offset);
                lock (_gate)
                {
                    _lastUpkeep = null; // The log has grown by a segment, so it may have one too many.
                }

                return next;
            }
        }
        catch (RequestFailedException missing) when (missing.Status == 404)
        {
        }

        container.Forget(state);
        throw new EventLogUnavailableException("The event log was deleted.");
    }

    /// <summary>
    /// Runs now and then, and after each roll. It rolls by age, so that old events are deleted even if there is little traffic, and deletes what
    /// exceeds the retention or the size. It runs in the background, because the caller must not wait for it.
    /// </summary>
    public void KeepUp(BlobLogState state)
    {
        lock (_gate)
        {
            if (_upkeep.IsCompleted && (_lastUpkeep is not { } last || time.GetElapsedTime(last) >= limits.UpkeepInterval))
            {
                _lastUpkeep = time.GetTimestamp();
                _upkeep = Task.Run(() => KeepUpAsync(state.Epoch));
            }
        }
    }

    private async Task KeepUpAsync(string epoch)
    {
        try
        {
            IReadOnlyList<BlobSegment> segments = await container.ListAsync(epoch, CancellationToken.None);
            if (segments.Count == 0)
            {
                return;
            }

            BlobSegment active = segments[^1];
            if (active.Length > 0 && active.Age > limits.MaxSegmentAge)
            {
                await RollAsync(new BlobLogState(epoch, active.Number, active.Length), CancellationToken.None);
            }

            await CleanAsync(epoch, segments);
            _hasFailed = false;
        }
        catch (Exception exception) when (exception is EventLogUnavailableException || StorageErrors.IsOutage(exception, CancellationToken.None))
        {
            if (!_hasFailed)
            {
                _hasFailed = true;
                StorageLogMessages.UpkeepFailed(logger, limits.UpkeepInterval, exception);
            }
        }
    }

    private async Task CleanAsync(string epoch, IReadOnlyList<BlobSegment> segments)
    {
        long kept = segments.Sum(segment => segment.Length);
        BlobSegment? oldest = null;
        foreach (BlobSegment segment in segments)
        {
            bool isLast = segment == segments[^1];
            if (segment.IsDeleted)
            {
                if (segment.Idle > s_deletedNameLifetime)
                {
                    await container.ForgetDeletedAsync(epoch, segment.Number, CancellationToken.None);
                }
            }
            else if (oldest is null && !isLast && (segment.Idle > options.Retention || kept > options.MaxLogSize))
            {
                // Segments are deleted from the oldest on, and the last one never is, so that what is kept has no gap.
                kept -= segment.Length;
                await container.DeleteAsync(epoch, segment.Number, CancellationToken.None);
                StorageLogMessages.Deleted(logger, segment.Number, segment.Length);
            }
            else
            {
                oldest ??= segment;
                if (!isLast && !segment.IsSealed)
                {
                    // A storage account that went back may have lost the seal. Without a seal, readers wait for more.
                    await container.SealAsync(epoch, segment.Number, CancellationToken.None);
                }
            }
        }

        Volatile.Write(ref _oldest, oldest is { Length: > 0 } ? Tuple.Create(oldest.Age, time.GetTimestamp()) : null);
    }
}
