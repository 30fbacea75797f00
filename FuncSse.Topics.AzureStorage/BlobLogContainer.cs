using System.Globalization;
using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using Microsoft.Extensions.Logging;

namespace FuncSse.Topics.AzureStorage;

/// <summary>Which life of the log it is, and the segment that is appended to, as far as is known.</summary>
internal sealed record BlobLogState(string Epoch, long Active);

/// <summary>A segment as the service lists it.</summary>
/// <param name="Number">Its number: the first is 1.</param>
/// <param name="Length">Its length, in bytes.</param>
/// <param name="Age">The time since it was made, by the service's clock.</param>
/// <param name="Idle">The time since it was last written to or sealed, by the service's clock.</param>
internal sealed record BlobSegment(long Number, long Length, TimeSpan Age, TimeSpan Idle);

/// <summary>
/// The container: a blob of a fixed name that carries the epoch, and the segments <c>epoch/number</c>. Instances that race agree, since
/// each blob is made only if there is none.
/// </summary>
/// <param name="container">For all requests that may be repeated.</param>
/// <param name="appendContainer">For appends, whose client must not repeat them.</param>
/// <param name="logger">Told when a log begins.</param>
internal sealed class BlobLogContainer(BlobContainerClient container, BlobContainerClient appendContainer, ILogger logger)
{
    private const string EpochBlob = "epoch";
    private const string PreviousLength = "previousLength";

    // More than any races: each failed try means that another instance has done the step.
    private const int MaxTries = 5;

    private static readonly BlobRequestConditions s_ifNew = new() { IfNoneMatch = ETag.All };

    private BlobLogState? _state;

    public AppendBlobClient Segment(string epoch, long number) => container.GetAppendBlobClient(Name(epoch, number));

    public AppendBlobClient SegmentToAppend(BlobLogState state) => appendContainer.GetAppendBlobClient(Name(state.Epoch, state.Active));

    /// <summary>Forgets what is known, unless another has found out newer things meanwhile.</summary>
    public void Forget(BlobLogState state) => Interlocked.CompareExchange(ref _state, null, state);

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
            long active = segments.Count > 0 ? segments[^1].Number : 1;
            if (segments.Count > 0 || await CreateSegmentAsync(epoch, active, 0, cancellationToken))
            {
                var state = new BlobLogState(epoch, active);
                Advance(state);
                return state;
            }

            if (tries == MaxTries)
            {
                throw new EventLogUnavailableException($"The container {container.Name} changes all the time.");
            }
        }
    }

    /// <summary>Makes a segment, or finds that there is one.</summary>
    /// <returns>Whether the log is still of this epoch. Otherwise it was deleted and made anew, and the segment belongs to nothing.</returns>
    public async Task<bool> CreateSegmentAsync(string epoch, long number, long previousLength, CancellationToken cancellationToken)
    {
        var options = new AppendBlobCreateOptions
        {
            Conditions = new AppendBlobRequestConditions { IfNoneMatch = ETag.All },
            // What the end of the segment before was is known as long as this one is kept.
            Metadata = new Dictionary<string, string> { [PreviousLength] = previousLength.ToString(CultureInfo.InvariantCulture) },
        };
        try
        {
            await Segment(epoch, number).CreateAsync(options, cancellationToken);
        }
        catch (RequestFailedException exists) when (exists.ErrorCode == BlobErrorCode.BlobAlreadyExists)
        {
        }

        return await FindEpochAsync(cancellationToken) == epoch;
    }

    /// <summary>The length of the segment before this one; <see langword="null"/> if there is no such segment.</summary>
    public async Task<long?> FindPreviousLengthAsync(string epoch, long number, CancellationToken cancellationToken)
    {
        try
        {
            BlobProperties properties = await Segment(epoch, number).GetPropertiesAsync(cancellationToken: cancellationToken);
            return properties.Metadata.TryGetValue(PreviousLength, out string? length)
                ? long.Parse(length, CultureInfo.InvariantCulture)
                : null;
        }
        catch (RequestFailedException missing) when (missing.Status == 404)
        {
            return null;
        }
    }

    /// <summary>The segments, the oldest first.</summary>
    public async Task<IReadOnlyList<BlobSegment>> ListAsync(string epoch, CancellationToken cancellationToken)
    {
        var segments = new List<BlobSegment>();
        await foreach (Page<BlobItem> page in container
            .GetBlobsAsync(BlobTraits.None, BlobStates.None, epoch + "/", cancellationToken).AsPages())
        {
            // By the service's own dates: the clock of this instance may be wrong.
            DateTimeOffset now = page.GetRawResponse().Headers.Date ?? throw new EventLogUnavailableException("The storage told no date.");
            foreach (BlobItem blob in page.Values)
            {
                if (long.TryParse(blob.Name.AsSpan(epoch.Length + 1), NumberStyles.None, CultureInfo.InvariantCulture, out long number))
                {
                    DateTimeOffset modified = blob.Properties.LastModified ?? now;
                    DateTimeOffset created = blob.Properties.CreatedOn ?? modified;
                    segments.Add(new BlobSegment(number, blob.Properties.ContentLength ?? 0, now - created, now - modified));
                }
            }
        }

        return segments;
    }

    private async Task<string> FindEpochAsync(CancellationToken cancellationToken)
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
                    : throw new EventLogUnavailableException($"The container {container.Name} holds something else than an event log.");
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
            Log.Created(logger, container.Name, epoch);
        }
        catch (RequestFailedException other) when (
            other.ErrorCode == BlobErrorCode.BlobAlreadyExists || other.ErrorCode == BlobErrorCode.ConditionNotMet
            || other.ErrorCode == BlobErrorCode.ContainerNotFound)
        {
            // Another instance was first, or deleted it again.
        }
    }

    private static string Name(string epoch, long number) => string.Create(CultureInfo.InvariantCulture, $"{epoch}/{number:D10}");
}
