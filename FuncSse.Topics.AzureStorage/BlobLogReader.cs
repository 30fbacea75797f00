using System.Globalization;
using Azure;
using Azure.Storage.Blobs.Models;

namespace FuncSse.Topics.AzureStorage;

/// <summary>Reads the tail of a segment, or any other part of it: by ranges, and never more than it needs to.</summary>
internal sealed class BlobLogReader(BlobLogContainer container, BlobLogRoller roller, TimeProvider time)
{
    // Now and then a look is not conditional: nothing documents that sealing changes the ETag, though it does in Azurite.
    private static readonly TimeSpan s_tailLifetime = TimeSpan.FromSeconds(10);

    // What was at a position when nothing followed it, so that the next look costs a conditional request.
    private Tail? _tail;

    /// <summary>Reads on in the segment of the position, and in the next one if there is no more.</summary>
    /// <param name="state">The log, of the same epoch.</param>
    /// <param name="after">The position: any at all.</param>
    /// <param name="maxBytes">How many bytes to read: more if one record has more.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <returns><see langword="null"/> if there is no such segment.</returns>
    public async Task<LogPage?> ReadAsync(BlobLogState state, LogPosition after, int maxBytes, CancellationToken cancellationToken)
    {
        try
        {
            Tail? tail = Volatile.Read(ref _tail);
            bool isConditional = tail?.Position == after && time.GetElapsedTime(tail.AsOf) < s_tailLifetime;
            SegmentPart? part = await DownloadAsync(after, maxBytes, isConditional ? tail!.Unchanged : null, cancellationToken);
            return part is null ? Nothing(after) : await MakePageAsync(state, after, maxBytes, part, cancellationToken);
        }
        catch (RequestFailedException missing) when (missing.Status == 404)
        {
            return null;
        }
    }

    /// <summary>The end of the last record of a segment that has this length.</summary>
    public async Task<LogPosition> FindLastEndAsync(BlobLogState state, long length, CancellationToken cancellationToken)
    {
        // Other programs' garbage may stand at the end, though it never does.
        foreach (int size in (int[])[SegmentBytes.Proof, 64 * 1024, 16 << 20])
        {
            int part = (int)Math.Min(size, length);
            if (part == 0)
            {
                break;
            }

            var options = new BlobDownloadOptions { Range = new HttpRange(length - part, part) };
            BlobDownloadResult found = await container.Segment(state.Epoch, state.Active).DownloadContentAsync(options, cancellationToken);
            int end = SegmentBytes.FindLastEnd(found.Content.ToMemory().Span);
            if (end >= 0)
            {
                return new LogPosition(state.Epoch, state.Active, length - part + end);
            }
        }

        return new LogPosition(state.Epoch, state.Active, 0);
    }

    private async Task<LogPage> MakePageAsync(
        BlobLogState state, LogPosition after, int maxBytes, SegmentPart part, CancellationToken cancellationToken)
    {
        int proof = (int)Math.Min(after.Offset, SegmentBytes.Proof);
        if (part.Bytes.Length < proof || (proof > 0 && !SegmentBytes.EndsRecord(part.Bytes.Span[..proof])))
        {
            return new LogPage(PositionState.Unknown, [], after);
        }

        List<LogRecord> records = SegmentBytes.Split(part.Bytes, proof, after.Epoch, after.Segment, after.Offset - proof);
        LogPosition next = records.Count > 0 ? records[^1].End : after;
        if (records.Count == 0 && !part.IsWhole)
        {
            // One record larger than the range; its line end is further on.
            return await ReadAsync(state, after, maxBytes * 2, cancellationToken) ?? Nothing(after);
        }

        if (part.IsSealed)
        {
            return records.Count > 0
                ? new LogPage(PositionState.Known, records, next)
                : await BeginNextAsync(state, after, maxBytes, cancellationToken);
        }

        if (part.IsWhole)
        {
            Volatile.Write(ref _tail, new Tail(next, new BlobRequestConditions { IfNoneMatch = part.ETag }, time.GetTimestamp()));
        }

        return new LogPage(PositionState.Known, records, next);
    }

    // The segment is sealed, so there is a next one, unless the instance that sealed it has crashed.
    private async Task<LogPage> BeginNextAsync(BlobLogState state, LogPosition after, int maxBytes, CancellationToken cancellationToken)
    {
        var begin = new LogPosition(after.Epoch, after.Segment + 1, 0);
        if (await ReadAsync(state, begin, maxBytes, cancellationToken) is { } page)
        {
            return page;
        }

        await roller.RollAsync(new BlobLogState(after.Epoch, after.Segment), cancellationToken);
        return Nothing(begin);
    }

    private async Task<SegmentPart?> DownloadAsync(
        LogPosition after, int maxBytes, BlobRequestConditions? unlessChanged, CancellationToken cancellationToken)
    {
        long begin = Math.Max(0, after.Offset - SegmentBytes.Proof);
        var options = new BlobDownloadOptions
        {
            Range = new HttpRange(begin, maxBytes + SegmentBytes.Proof),
            Conditions = unlessChanged,
        };
        try
        {
            Response<BlobDownloadResult> found =
                await container.Segment(after.Epoch, after.Segment).DownloadContentAsync(options, cancellationToken);
            if (found.GetRawResponse().Status == 304)
            {
                return null;
            }

            BlobDownloadDetails details = found.Value.Details;
            ReadOnlyMemory<byte> bytes = found.Value.Content.ToMemory();
            return new SegmentPart(bytes, begin + bytes.Length >= Length(details), details.IsSealed, details.ETag);
        }
        catch (RequestFailedException unchanged) when (unchanged.Status == 304)
        {
            return null;
        }
        catch (RequestFailedException beyond) when (beyond.Status == 416)
        {
            // Nothing to prove a position with, unless it is the beginning of an empty segment.
            BlobProperties properties =
                await container.Segment(after.Epoch, after.Segment).GetPropertiesAsync(cancellationToken: cancellationToken);
            return new SegmentPart(default, properties.ContentLength == 0, properties.IsSealed, properties.ETag);
        }
    }

    private static LogPage Nothing(LogPosition after) => new(PositionState.Known, [], after);

    // "bytes 0-99/1234"
    private static long Length(BlobDownloadDetails details) =>
        details.ContentRange is { } range
            ? long.Parse(range.AsSpan(range.IndexOf('/', StringComparison.Ordinal) + 1), NumberStyles.None, CultureInfo.InvariantCulture)
            : details.ContentLength;

    private sealed record SegmentPart(ReadOnlyMemory<byte> Bytes, bool IsWhole, bool IsSealed, ETag ETag);

    private sealed record Tail(LogPosition Position, BlobRequestConditions Unchanged, long AsOf);
}
