using System.Globalization;
using Azure;
using Azure.Storage.Blobs.Models;

namespace FuncSse.Topics.AzureStorage;

/// <summary>Reads the end of a segment, or any other part of it: by ranges, and never more than it needs to.</summary>
internal sealed class BlobLogReader(BlobLogContainer container, BlobLogRoller roller, TimeProvider time)
{
    // Now and then a request is not conditional: no document says that sealing changes the ETag, although it does in Azurite.
    private static readonly TimeSpan s_tailLifetime = TimeSpan.FromSeconds(10);

    // The state of a position that nothing followed, so that the next request can be conditional.
    private Tail? _tail;

    /// <summary>Reads on in the segment of the position, and in the next one if there is no more.</summary>
    /// <param name="state">The log, of the same epoch.</param>
    /// <param name="after">The position: any at all.</param>
    /// <param name="maxBytes">How many bytes to read; more if one record is larger.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <returns><see langword="null"/> if there is no such segment.</returns>
    public async Task<LogPage?> ReadAsync(BlobLogState state, LogPosition after, int maxBytes, CancellationToken cancellationToken)
    {
        try
        {
            Tail? tail = Volatile.Read(ref _tail);
            bool isConditional = tail?.Position == after && time.GetElapsedTime(tail.AsOf) < s_tailLifetime;
            SegmentPart? part = await DownloadAsync(after, maxBytes, isConditional ? tail!.Unchanged : null, cancellationToken);
            return part is null ? Nothing(after) : part.IsDeleted ? null : await MakePageAsync(state, after, maxBytes, part, cancellationToken);
        }
        catch (RequestFailedException missing) when (missing.Status == 404)
        {
            return null;
        }
    }

    private async Task<LogPage> MakePageAsync(
        BlobLogState state, LogPosition after, int maxBytes, SegmentPart part, CancellationToken cancellationToken)
    {
        int tail = TailOf(after);
        if (!HasMark(part, after))
        {
            return new LogPage(PositionState.Unknown, [], after);
        }

        List<LogRecord> records = SegmentBytes.Split(part.Bytes, tail, after.Epoch, after.Segment, after.Offset - tail);
        LogPosition next = records.Count > 0 ? records[^1].End : after;
        if (records.Count == 0 && !part.IsWhole)
        {
            // The record is larger than the range, and its line end is further on.
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
        if (await FindBeginningAsync(after.Epoch, after.Segment + 1, cancellationToken) is { } begin)
        {
            return await ReadAsync(state, begin, maxBytes, cancellationToken) ?? Nothing(after);
        }

        await roller.RollAsync(new BlobLogState(after.Epoch, after.Segment, after.Offset), cancellationToken);
        return await FindBeginningAsync(after.Epoch, after.Segment + 1, cancellationToken) is null
            ? new LogPage(PositionState.Expired, [], after) // Another instance has gone on, and deleted what followed.
            : Nothing(after);
    }

    /// <summary>The position at the beginning of a segment; <see langword="null"/> if there is no such segment.</summary>
    public async Task<LogPosition?> FindBeginningAsync(string epoch, long number, CancellationToken cancellationToken)
    {
        try
        {
            BlobProperties properties = await container.Segment(epoch, number).GetPropertiesAsync(cancellationToken: cancellationToken);
            return properties.BlobType == BlobType.Append ? new LogPosition(epoch, number, 0, BlobLogContainer.MarkOf(properties.Metadata)) : null;
        }
        catch (RequestFailedException missing) when (missing.Status == 404)
        {
            return null;
        }
    }

    /// <summary>Whether the log has lost the record that ended there: it went back, or is another one. A record past retention is not lost.</summary>
    public async Task<bool> IsLostAsync(LogPosition end, CancellationToken cancellationToken)
    {
        try
        {
            SegmentPart? part = await DownloadAsync(end, 0, null, cancellationToken);
            return part is { IsDeleted: false } && !HasMark(part, end);
        }
        catch (RequestFailedException missing) when (missing.Status == 404)
        {
            return true;
        }
    }

    /// <summary>The records between an offset, which may lie within a record, and a position of the same segment. None if they are past retention.</summary>
    public async Task<IReadOnlyList<LogRecord>> ReadBeforeAsync(LogPosition end, long begin, CancellationToken cancellationToken)
    {
        try
        {
            // The byte before tells whether a record begins there.
            long from = Math.Max(0, begin - 1);
            var options = new BlobDownloadOptions { Range = new HttpRange(from, end.Offset - from) };
            BlobDownloadResult found = await container.Segment(end.Epoch, end.Segment).DownloadContentAsync(options, cancellationToken);
            ReadOnlyMemory<byte> bytes = found.Content.ToMemory();
            int skip = from == 0 ? 0 : bytes.Span.IndexOf((byte)'\n') + 1;
            return SegmentBytes.Split(bytes, skip, end.Epoch, end.Segment, from);
        }
        catch (RequestFailedException missing) when (missing.Status is 404 or 416)
        {
            return [];
        }
    }

    private async Task<SegmentPart?> DownloadAsync(
        LogPosition after, int maxBytes, BlobRequestConditions? unlessChanged, CancellationToken cancellationToken)
    {
        long begin = Math.Max(0, after.Offset - SegmentBytes.TailLength);
        var options = new BlobDownloadOptions
        {
            Range = new HttpRange(begin, maxBytes + SegmentBytes.TailLength),
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
            bool isWhole = begin + bytes.Length >= Length(details);
            return new SegmentPart(
                bytes, isWhole, details.IsSealed, details.BlobType != BlobType.Append, BlobLogContainer.MarkOf(details.Metadata), details.ETag);
        }
        catch (RequestFailedException unchanged) when (unchanged.Status == 304)
        {
            return null;
        }
        catch (RequestFailedException beyond) when (beyond.Status == 416)
        {
            // Nothing is there to prove a position, unless it is the beginning of an empty segment.
            BlobProperties properties =
                await container.Segment(after.Epoch, after.Segment).GetPropertiesAsync(cancellationToken: cancellationToken);
            return new SegmentPart(
                default,
                properties.ContentLength == 0,
                properties.IsSealed,
                properties.BlobType != BlobType.Append,
                BlobLogContainer.MarkOf(properties.Metadata),
                properties.ETag);
        }
    }

    private static int TailOf(LogPosition position) => (int)Math.Min(position.Offset, SegmentBytes.TailLength);

    private static bool HasMark(SegmentPart part, LogPosition position)
    {
        int tail = TailOf(position);
        string? mark = tail == 0 ? part.Mark : part.Bytes.Length < tail ? null : SegmentBytes.FindMark(part.Bytes.Span[..tail]);
        return mark == position.Mark;
    }

    private static LogPage Nothing(LogPosition after) => new(PositionState.Known, [], after);

    // "bytes 0-99/1234"
    private static long Length(BlobDownloadDetails details) =>
        details.ContentRange is { } range
            ? long.Parse(range.AsSpan(range.IndexOf('/', StringComparison.Ordinal) + 1), NumberStyles.None, CultureInfo.InvariantCulture)
            : details.ContentLength;

    private sealed record SegmentPart(ReadOnlyMemory<byte> Bytes, bool IsWhole, bool IsSealed, bool IsDeleted, string Mark, ETag ETag);

    private sealed record Tail(LogPosition Position, BlobRequestConditions Unchanged, long AsOf);
}
