using Azure;
using Azure.Storage.Blobs.Models;

namespace FuncSse.Topics.AzureStorage;

/// <summary>
/// Finds the end of the log, and with the same read the retained records shortly before it: their values may not be written yet, and a reader that
/// begins at the end does not come to them.
/// </summary>
internal sealed class BlobLogTail(BlobLogContainer container, BlobLogRoller roller, BlobLogReader reader, BlobValueCache cache)
{
    private const int Size = 256 * 1024;

    public async Task<LogPosition> FindEndAsync(CancellationToken cancellationToken)
    {
        BlobLogState state = await container.LocateAsync(cancellationToken);
        while (true)
        {
            LogPosition? followed = cache.Followed; // It is taken before the end is looked up, since the end may be behind it afterwards.
            try
            {
                BlobProperties properties =
                    await container.Segment(state.Epoch, state.Active).GetPropertiesAsync(cancellationToken: cancellationToken);
                if (!properties.IsSealed && properties.BlobType == BlobType.Append)
                {
                    return await ReadAsync(state, properties, followed?.Epoch == state.Epoch ? followed : null, cancellationToken);
                }

                state = await roller.RollAsync(state, cancellationToken);
            }
            catch (RequestFailedException missing) when (missing.Status == 404)
            {
                container.Forget(state);
                state = await container.LocateAsync(cancellationToken);
            }
        }
    }

    private async Task<LogPosition> ReadAsync(
        BlobLogState state, BlobProperties properties, LogPosition? followed, CancellationToken cancellationToken)
    {
        LogPosition end = await container.FindLastEndAsync(state.Epoch, state.Active, properties, cancellationToken);
        if (followed is not null && followed != end && (followed.IsAfter(end) || await reader.IsLostAsync(followed, cancellationToken)))
        {
            cache.Clear();
            followed = null;
        }

        // What was read already is not read again.
        if (end.Offset < Size && followed?.Segment != end.Segment && BlobLogContainer.PreviousEndOf(properties.Metadata) is { Segment: > 0 } previous)
        {
            await NoteAsync(previous, followed, Size - end.Offset, cancellationToken);
        }

        await NoteAsync(end, followed, Size, cancellationToken);
        if (!cache.HasRead(end))
        {
            cache.Begin(end);
        }

        return end;
    }

    private async Task NoteAsync(LogPosition end, LogPosition? followed, long size, CancellationToken cancellationToken)
    {
        long begin = Math.Max(end.Offset - size, followed?.Segment == end.Segment ? followed.Offset : 0);
        if (begin < end.Offset)
        {
            cache.Note(await reader.ReadBeforeAsync(end, begin, cancellationToken));
        }
    }
}
