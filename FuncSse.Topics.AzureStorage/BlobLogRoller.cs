using Azure;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using Microsoft.Extensions.Logging;

namespace FuncSse.Topics.AzureStorage;

/// <summary>
/// Goes on in new segments and deletes old ones. Any instance may do any step, at the same time as another, and each step finds out by
/// itself whether it was done: a crash between two of them leaves what the next instance finishes.
/// </summary>
internal sealed class BlobLogRoller(BlobLogContainer container, BlobLogLimits limits, TopicOptions options, TimeProvider time, ILogger logger)
{
    private readonly Lock _gate = new();
    private long? _lastUpkeep;
    private Tuple<TimeSpan, long>? _oldest;

    /// <summary>How old the oldest segment is, by the service's clock, with the time that has passed here since it was listed.</summary>
    public TimeSpan? OldestAge => Volatile.Read(ref _oldest) is { } oldest ? oldest.Item1 + time.GetElapsedTime(oldest.Item2) : null;

    /// <summary>Whether the segment is full.</summary>
    public bool IsFull(int blocks, long length) => blocks >= limits.MaxBlocks || length >= limits.MaxSegmentBytes;

    /// <summary>Seals the active segment, which makes its end definitive, and makes the next one; what is done of it already stays.</summary>
    /// <exception cref="EventLogUnavailableException">The log was deleted meanwhile.</exception>
    public async Task<BlobLogState> RollAsync(BlobLogState state, CancellationToken cancellationToken)
    {
        // Where there are newer ones, the next one may be past retention. Made again, it would take events that no reader comes to.
        container.Forget(state);
        BlobLogState newest = await container.LocateAsync(cancellationToken);
        if (newest.Epoch != state.Epoch || newest.Active > state.Active)
        {
            return newest;
        }

        AppendBlobClient segment = container.Segment(state.Epoch, state.Active);
        var next = new BlobLogState(state.Epoch, state.Active + 1);
        try
        {
            await SealAsync(segment, cancellationToken);
            BlobProperties last = await segment.GetPropertiesAsync(cancellationToken: cancellationToken);
            if (await container.CreateSegmentAsync(next.Epoch, next.Active, last.ContentLength, cancellationToken))
            {
                container.Advance(next);
                Log.Rolled(logger, next.Active, last.ContentLength);
                return next;
            }
        }
        catch (RequestFailedException missing) when (missing.Status == 404)
        {
        }

        container.Forget(state);
        throw new EventLogUnavailableException("The event log was deleted.");
    }

    /// <summary>Now and then: rolls by age, so that old events go even where there is little traffic, and deletes what is past retention.</summary>
    public async Task KeepUpAsync(BlobLogState state, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (_lastUpkeep is { } last && time.GetElapsedTime(last) < limits.UpkeepInterval)
            {
                return;
            }

            _lastUpkeep = time.GetTimestamp();
        }

        try
        {
            IReadOnlyList<BlobSegment> segments = await container.ListAsync(state.Epoch, cancellationToken);
            if (segments.Count == 0)
            {
                return;
            }

            BlobSegment active = segments[^1];
            if (active.Length > 0 && active.Age > limits.MaxSegmentAge)
            {
                await RollAsync(new BlobLogState(state.Epoch, active.Number), cancellationToken);
            }

            BlobSegment oldest = await DeleteAsync(state.Epoch, segments, cancellationToken);
            Volatile.Write(ref _oldest, oldest.Length > 0 ? Tuple.Create(oldest.Age, time.GetTimestamp()) : null);
        }
        catch (Exception exception) when (exception is EventLogUnavailableException || StorageErrors.IsOutage(exception, cancellationToken))
        {
            Log.UpkeepFailed(logger, exception);
        }
    }

    private async Task<BlobSegment> DeleteAsync(string epoch, IReadOnlyList<BlobSegment> segments, CancellationToken cancellationToken)
    {
        long kept = segments.Sum(segment => segment.Length);
        int index = 0;
        // From the oldest on, and never the last: so what is kept has no hole.
        for (; index < segments.Count - 1 && (segments[index].Idle > options.Retention || kept > options.MaxLogSize); index++)
        {
            kept -= segments[index].Length;
            await container.Segment(epoch, segments[index].Number).DeleteIfExistsAsync(cancellationToken: cancellationToken);
            Log.Deleted(logger, segments[index].Number, segments[index].Length);
        }

        return segments[index];
    }

    private static async Task SealAsync(AppendBlobClient segment, CancellationToken cancellationToken)
    {
        try
        {
            await segment.SealAsync(cancellationToken: cancellationToken);
        }
        catch (RequestFailedException done) when (done.ErrorCode == "BlobIsSealed")
        {
        }
    }
}
