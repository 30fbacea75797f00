using System.Globalization;
using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using Microsoft.Extensions.Logging;

namespace FuncSse.Topics.AzureStorage;

/// <summary>The log's epoch and the segment that is appended to, as far as this process knows.</summary>
/// <param name="Epoch">The log's epoch.</param>
/// <param name="Active">The number of the segment.</param>
/// <param name="Length">The segment has at least this many bytes.</param>
internal sealed record BlobLogState(string Epoch, long Active, long Length);

/// <summary>A segment as the service lists it.</summary>
/// <param name="Number">Its number: the first is 1.</param>
/// <param name="Length">Its length, in bytes.</param>
/// <param name="IsSealed">Whether nothing can be appended to it any more.</param>
/// <param name="IsDeleted">Whether only its name is left (<see cref="BlobLogContainer.DeleteAsync"/>).</param>
/// <param name="Mark">The mark of the position at its beginning.</param>
/// <param name="Age">The time since it was made, by the service's clock.</param>
/// <param name="Idle">The time since it was last written to, sealed or deleted, by the service's clock.</param>
internal sealed record BlobSegment(long Number, long Length, bool IsSealed, bool IsDeleted, string Mark, TimeSpan Age, TimeSpan Idle);

/// <summary>
/// The container: a blob with a fixed name that contains the epoch, and the segments <c>epoch/number</c>. Instances that race agree, since each blob
/// is created only if it does not exist. (<see cref="BlobValueStore"/> has the retained values, which are in the same container.)
/// </summary>
/// <param name="container">For all requests that may be repeated.</param>
/// <param name="appendContainer">For appends, whose client must not repeat them.</param>
/// <param name="logger">Told when a log begins.</param>
internal sealed class BlobLogContainer(BlobContainerClient container, BlobContainerClient appendContainer, ILogger logger)
{
    private const string EpochBlob = "epoch";
    private const string PreviousEnd = "previousEnd";
    private const string Mark = "mark";

    // More than any race needs: each failed try means that another instance has done the step.
    private const int MaxTries = 5;

    private static readonly BlobRequestConditions s_ifNew = new() { IfNoneMatch = ETag.All };

    private BlobLogState? _state;

    public AppendBlobClient Segment(string epoch, long number) => container.GetAppendBlobClient(Name(epoch, number));

    public AppendBlobClient SegmentToAppend(BlobLogState state) => appendContainer.GetAppendBlobClient(Name(state.Epoch, state.Active));

    /// <summary>Forgets the state, unless another caller has replaced it in the meantime.</summary>
    public void Forget(BlobLogState state) => Interlocked.CompareExchange(ref _state, null, state);

    /// <summary>Replaces the state, unless another caller has replaced it in the meantime.</summary>
    public void Update(BlobLogState known, BlobLogState newer) => Interlocked.CompareExchange(ref _state, newer, known);

    public void Advance(BlobLogState state) => Volatile.Write(ref _state, state);

    /// <summary>Finds the log, and makes it if there is none.</summary>
    public async ValueTask<BlobLogState> LocateAsync(CancellationToken cancellationToken)
    {
        for (int tries = 0; ; tries++)
        {
            if (Volatile.Read(ref _state) is { } known)
            {
                return known;
            }

            string epoch = await FindEpochAsync(cancellationToken);
            IReadOnlyList<BlobSegment> segments = await ListAsync(epoch, cancellationToken);
            if (segments.Count > 0 || await CreateSegmentAsync(new LogPosition(epoch, 0, 0), cancellationToken))
            {
                BlobLogState state = segments.Count > 0 ? new(epoch, segments[^1].Number, segments[^1].Length) : new(epoch, 1, 0);
                Advance(state);
                return state;
            }

            if (tries == MaxTries)
            {
                throw new EventLogUnavailableException($"The container {container.Name} keeps changing.");
            }
        }
    }

    /// <summary>Creates the segment after one that has ended, unless it exists.</summary>
    /// <param name="previous">The end of the segment before.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <returns>Whether the log is still of this epoch. Otherwise it was deleted and created again, and the segment belongs to no log.</returns>
    public async Task<bool> CreateSegmentAsync(LogPosition previous, CancellationToken cancellationToken)
    {
        var options = new AppendBlobCreateOptions
        {
            Conditions = new AppendBlobRequestConditions { IfNoneMatch = ETag.All },
            // The end of the segment before is known as long as this one is kept.
            Metadata = new Dictionary<string, string> { [PreviousEnd] = $"{previous}", [Mark] = RecordMark.Create() },
        };
        try
        {
            await Segment(previous.Epoch, previous.Segment + 1).CreateAsync(options, cancellationToken);
        }
        catch (RequestFailedException exists) when (exists.ErrorCode == BlobErrorCode.BlobAlreadyExists)
        {
        }

        return await FindEpochAsync(cancellationToken) == previous.Epoch;
    }

    /// <summary>The end of the segment before this one; <see langword="null"/> if there is no such segment.</summary>
    public async Task<LogPosition?> FindPreviousEndAsync(string epoch, long number, CancellationToken cancellationToken)
    {
        try
        {
            BlobProperties properties = await Segment(epoch, number).GetPropertiesAsync(cancellationToken: cancellationToken);
            return PreviousEndOf(properties.Metadata);
        }
        catch (RequestFailedException missing) when (missing.Status == 404)
        {
            return null;
        }
    }

    /// <summary>The end of the segment before the one that has this metadata.</summary>
    public static LogPosition? PreviousEndOf(IDictionary<string, string> metadata) =>
        metadata.TryGetValue(PreviousEnd, out string? text) && LogPosition.TryParse(text, out LogPosition? end) ? end : null;

    /// <summary>The end of the last record of a segment, or its beginning if it has none.</summary>
    /// <param name="epoch">The segment's epoch.</param>
    /// <param name="number">The segment's number.</param>
    /// <param name="properties">The segment's length and metadata.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    public async Task<LogPosition> FindLastEndAsync(string epoch, long number, BlobProperties properties, CancellationToken cancellationToken)
    {
        // Usually a record ends there. Only garbage of another program makes more than one read necessary.
        foreach (int size in (int[])[SegmentBytes.TailLength, 64 * 1024, 16 << 20])
        {
            int part = (int)Math.Min(size, properties.ContentLength);
            if (part == 0)
            {
                break;
            }

            var options = new BlobDownloadOptions { Range = new HttpRange(properties.ContentLength - part, part) };
            BlobDownloadResult found = await Segment(epoch, number).DownloadContentAsync(options, cancellationToken);
            ReadOnlyMemory<byte> bytes = found.Content.ToMemory();
            int end = SegmentBytes.FindLastEnd(bytes.Span);
            if (end >= SegmentBytes.TailLength || (end >= 0 && part == properties.ContentLength))
            {
                return new LogPosition(epoch, number, properties.ContentLength - part + end, SegmentBytes.FindMark(bytes.Span[..end])!);
            }
        }

        return new LogPosition(epoch, number, 0, MarkOf(properties.Metadata));
    }

    /// <summary>The mark of a position at the beginning of a segment.</summary>
    /// <param name="metadata">The segment's metadata.</param>
    public static string MarkOf(IDictionary<string, string>? metadata) => metadata is not null && metadata.TryGetValue(Mark, out string? mark) ? mark : "";

    /// <summary>The segments, the oldest first.</summary>
    public async Task<IReadOnlyList<BlobSegment>> ListAsync(string epoch, CancellationToken cancellationToken)
    {
        var segments = new List<BlobSegment>();
        await foreach (Page<BlobItem> page in container
            .GetBlobsAsync(BlobTraits.Metadata, BlobStates.None, epoch + "/", cancellationToken).AsPages())
        {
            // By the service's own dates: the clock of this instance may be wrong.
            DateTimeOffset now = page.GetRawResponse().Headers.Date ?? throw new EventLogUnavailableException("The storage sent no date.");
            foreach (BlobItem blob in page.Values)
            {
                if (long.TryParse(blob.Name.AsSpan(epoch.Length + 1), NumberStyles.None, CultureInfo.InvariantCulture, out long number))
                {
                    BlobItemProperties properties = blob.Properties;
                    DateTimeOffset modified = properties.LastModified ?? now;
                    segments.Add(new BlobSegment(
                        number,
                        properties.ContentLength ?? 0,
                        properties.IsSealed ?? false,
                        properties.BlobType != BlobType.Append,
                        MarkOf(blob.Metadata),
                        now - (properties.CreatedOn ?? modified),
                        now - modified));
                }
            }
        }

        return segments;
    }

    /// <summary>Seals a segment: what was not appended before this never will be.</summary>
    public async Task SealAsync(string epoch, long number, CancellationToken cancellationToken)
    {
        try
        {
            await Segment(epoch, number).SealAsync(cancellationToken: cancellationToken);
        }
        catch (RequestFailedException done) when (done.ErrorCode == "BlobIsSealed")
        {
        }
    }

    /// <summary>
    /// Deletes the content of a segment. An empty blob that takes no appends keeps the name for a while: otherwise a delayed request to create the
    /// segment, or to append to it, would make a segment that no reader comes to.
    /// </summary>
    public Task DeleteAsync(string epoch, long number, CancellationToken cancellationToken) =>
        container.GetBlobClient(Name(epoch, number)).UploadAsync(BinaryData.Empty, overwrite: true, cancellationToken);

    /// <summary>Frees the name of a deleted segment.</summary>
    public Task ForgetDeletedAsync(string epoch, long number, CancellationToken cancellationToken) =>
        container.DeleteBlobIfExistsAsync(Name(epoch, number), cancellationToken: cancellationToken);

    /// <summary>Reads the log's epoch, and begins a log if there is none.</summary>
    public async Task<string> FindEpochAsync(CancellationToken cancellationToken)
    {
        BlobClient blob = container.GetBlobClient(EpochBlob);
        for (int tries = 0; ; tries++)
        {
            try
            {
                BlobDownloadResult found = await blob.DownloadContentAsync(cancellationToken);
                string text = found.Content.ToString();
                return LogPosition.IsEpoch(text)
                    ? text
                    : throw new EventLogUnavailableException($"The container {container.Name} holds something other than an event log.");
            }
            catch (RequestFailedException missing) when (missing.Status == 404 && tries < MaxTries)
            {
                await CreateEpochAsync(blob, missing.ErrorCode == BlobErrorCode.ContainerNotFound, cancellationToken);
            }
        }
    }

    private async Task CreateEpochAsync(BlobClient blob, bool needsContainer, CancellationToken cancellationToken)
    {
        if (needsContainer)
        {
            await container.CreateIfNotExistsAsync(cancellationToken: cancellationToken);
        }

        try
        {
            string epoch = LogPosition.NewEpoch();
            await blob.UploadAsync(BinaryData.FromString(epoch), new BlobUploadOptions { Conditions = s_ifNew }, cancellationToken);
            StorageLogMessages.Created(logger, container.Name, epoch);
        }
        catch (RequestFailedException other) when (
            other.ErrorCode == BlobErrorCode.BlobAlreadyExists || other.ErrorCode == BlobErrorCode.ConditionNotMet
            || other.ErrorCode == BlobErrorCode.ContainerNotFound)
        {
            // Another instance was first, or deleted the container again.
        }
    }

    private static string Name(string epoch, long number) => string.Create(CultureInfo.InvariantCulture, $"{epoch}/{number:D10}");
}
