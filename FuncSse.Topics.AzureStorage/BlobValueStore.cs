using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;

namespace FuncSse.Topics.AzureStorage;

/// <summary>The value of a topic, as its blob has it.</summary>
/// <param name="ETag">The ETag of the blob.</param>
/// <param name="End">Where the record ends; <see langword="null"/> if the blob does not say it.</param>
/// <param name="Line">The record; empty if the topic was cleared.</param>
/// <param name="IsClear">Whether the topic was cleared.</param>
internal sealed record BlobValue(ETag ETag, LogPosition? End, ReadOnlyMemory<byte> Line, bool IsClear);

/// <summary>What a list says of a topic's blob.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="ETag">The ETag of the blob.</param>
/// <param name="End">Where the record ends; <see langword="null"/> if the blob does not say it.</param>
/// <param name="IsClear">Whether the topic was cleared.</param>
/// <param name="Idle">The time since the blob was written, by the service's clock.</param>
internal sealed record ListedValue(string Topic, ETag ETag, LogPosition? End, bool IsClear, TimeSpan Idle);

/// <summary>
/// The blobs of the retained values: <c>values/topic</c> contains the record, and its metadata the position. A topic that was cleared keeps an empty
/// blob for a while, whose position refuses a late write of an older value.
/// </summary>
internal sealed class BlobValueStore(BlobContainerClient container, TimeSpan? lifetime)
{
    private const string Folder = "values/";
    private const string End = "end";

    private static readonly BlobRequestConditions s_ifNew = new() { IfNoneMatch = ETag.All };

    /// <summary>Reads a value. Nothing is transferred if it is still the known one.</summary>
    /// <returns><see langword="null"/> if there is no blob, or only one that is too old.</returns>
    public async Task<BlobValue?> GetAsync(string topic, BlobValue? known, CancellationToken cancellationToken)
    {
        var options = new BlobDownloadOptions { Conditions = known is null ? null : new BlobRequestConditions { IfNoneMatch = known.ETag } };
        try
        {
            Response<BlobDownloadResult> found = await Blob(topic).DownloadContentAsync(options, cancellationToken);
            if (found.GetRawResponse().Status == 304)
            {
                return known;
            }

            if (found.GetRawResponse().Headers.Date - found.Value.Details.LastModified > lifetime)
            {
                return null;
            }

            ReadOnlyMemory<byte> line = found.Value.Content.ToMemory();
            return new BlobValue(Quoted(found.Value.Details.ETag), EndOf(found.Value.Details.Metadata), line, line.IsEmpty);
        }
        catch (RequestFailedException unchanged) when (unchanged.Status == 304)
        {
            return known;
        }
        catch (RequestFailedException missing) when (missing.Status == 404)
        {
            return null;
        }
    }

    /// <summary>Replaces a value.</summary>
    /// <param name="topic">The topic.</param>
    /// <param name="line">The record; empty to clear the topic.</param>
    /// <param name="end">Where the record ends.</param>
    /// <param name="replaced">What the blob has; <see langword="null"/> if there is no blob.</param>
    /// <param name="cancellationToken">Ends the call; the value may still be replaced.</param>
    /// <returns><see langword="null"/> if the blob has something else.</returns>
    public async Task<BlobValue?> TryPutAsync(
        string topic, ReadOnlyMemory<byte> line, LogPosition end, BlobValue? replaced, CancellationToken cancellationToken)
    {
        var options = new BlobUploadOptions
        {
            Conditions = replaced is null ? s_ifNew : new BlobRequestConditions { IfMatch = replaced.ETag },
            Metadata = new Dictionary<string, string> { [End] = $"{end}" },
        };
        try
        {
            BlobContentInfo written = await Blob(topic).UploadAsync(BinaryData.FromBytes(line), options, cancellationToken);
            return new BlobValue(Quoted(written.ETag), end, line, line.IsEmpty);
        }
        catch (RequestFailedException other) when (other.Status is 409 or 412 || other.ErrorCode == BlobErrorCode.BlobNotFound)
        {
            return null;
        }
    }

    /// <summary>Lists the values of all topics whose names begin with a prefix, without their records.</summary>
    public async Task<IReadOnlyList<ListedValue>> ListAsync(string prefix, CancellationToken cancellationToken)
    {
        var values = new List<ListedValue>();
        try
        {
            await foreach (Page<BlobItem> page in container
                .GetBlobsAsync(BlobTraits.Metadata, BlobStates.None, Folder + Escape(prefix), cancellationToken).AsPages())
            {
                DateTimeOffset now = page.GetRawResponse().Headers.Date ?? throw new EventLogUnavailableException("The storage sent no date.");
                foreach (BlobItem blob in page.Values)
                {
                    if (TopicOf(blob.Name) is { } topic && blob.Properties.ETag is { } etag)
                    {
                        TimeSpan idle = now - (blob.Properties.LastModified ?? now);
                        values.Add(new ListedValue(topic, Quoted(etag), EndOf(blob.Metadata), blob.Properties.ContentLength == 0, idle));
                    }
                }
            }
        }
        catch (RequestFailedException missing) when (missing.Status == 404)
        {
            values.Clear(); // The container was deleted.
        }

        return values;
    }

    /// <summary>Deletes a blob, unless it has changed.</summary>
    public async Task DeleteAsync(ListedValue value, CancellationToken cancellationToken)
    {
        try
        {
            await Blob(value.Topic).DeleteIfExistsAsync(conditions: new BlobRequestConditions { IfMatch = value.ETag }, cancellationToken: cancellationToken);
        }
        catch (RequestFailedException changed) when (changed.Status is 404 or 412)
        {
        }
    }

    private BlobClient Blob(string topic) => container.GetBlobClient(Folder + Escape(topic));

    // A slash would make a folder where storage accounts have folders, and a name cannot be both a folder and a blob. A name should not end with a dot.
    private static string Escape(string topic) => topic.Length == 0 ? "" : TopicName.Escape(topic).Replace(".", "~2E", StringComparison.Ordinal);

    private static string? TopicOf(string blob)
    {
        try
        {
            string topic = TopicName.Unescape(blob[Folder.Length..].Replace("~2E", ".", StringComparison.Ordinal));
            return TopicName.IsValid(topic) || TopicName.IsReserved(topic) ? topic : null;
        }
        catch (FormatException)
        {
            return null; // It is another program's.
        }
    }

    private static LogPosition? EndOf(IDictionary<string, string>? metadata) =>
        metadata is not null && metadata.TryGetValue(End, out string? text) && LogPosition.TryParse(text, out LogPosition? end) ? end : null;

    // This is the form of a header. A list has it without the quotes.
    private static ETag Quoted(ETag etag) => new($"\"{etag.ToString().Trim('"')}\"");
}
