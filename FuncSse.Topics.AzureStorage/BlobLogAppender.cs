using System.Globalization;
using Azure;
using Azure.Storage.Blobs.Models;

namespace FuncSse.Topics.AzureStorage;

/// <summary>
/// Appends blocks to the active segment, each once. If it is unknown whether a block has landed, the segment is sealed, so that the block cannot land
/// later, and is then searched for it. The block is appended again only if it is not there. It is not safe for use by several threads at once.
/// </summary>
internal sealed class BlobLogAppender(BlobLogContainer container, BlobLogRoller roller)
{
    private const int SearchSize = 4 << 20;

    // The append whose outcome is unknown.
    private Attempt? _open;

    // What the last append has made of the segment, until it is seen to whether the segment is full.
    private Growth? _growth;

    // The last append that landed. Its records come again if its answer was lost on the way to the caller.
    private Dictionary<long, LogPosition> _landed = [];

    /// <summary>Appends records, unless they have landed already, and returns where each of them ends.</summary>
    public async Task<IReadOnlyList<LogPosition>> AppendAsync(IReadOnlyList<NumberedRecord> records, CancellationToken cancellationToken)
    {
        long first = records[0].Number;
        if (_open is { } open && open.Records.Any(record => record.Number == first))
        {
            await SettleAsync(open, cancellationToken);
        }

        if (!_landed.ContainsKey(first))
        {
            await AppendNewAsync(records, cancellationToken);
        }

        return [.. records.Select(record => _landed[record.Number])];
    }

    /// <summary>Begins the next segment if the last append has filled this one. What was appended is acknowledged even if this fails.</summary>
    public async Task KeepUpAsync(CancellationToken cancellationToken)
    {
        if (_growth is not { } growth)
        {
            return;
        }

        _growth = null;
        BlobLogState grown = growth.State with { Length = growth.Length };
        container.Update(growth.State, grown);
        if (roller.IsFull(growth.Blocks, growth.Length))
        {
            try
            {
                grown = await roller.RollAsync(grown, cancellationToken);
            }
            catch (Exception exception) when (exception is EventLogUnavailableException || StorageErrors.IsOutage(exception, CancellationToken.None))
            {
                // The segment is full for the next append too.
            }
        }

        roller.KeepUp(grown);
    }

    private async Task AppendNewAsync(IReadOnlyList<NumberedRecord> records, CancellationToken cancellationToken)
    {
        long[] ends = new long[records.Count];
        byte[] block = SegmentBytes.Join(records, ends);
        for (BlobLogState state = await container.LocateAsync(cancellationToken); ;)
        {
            var attempt = new Attempt(state, records, block, ends);
            _open = attempt;
            try
            {
                using var content = new MemoryStream(block, writable: false);
                BlobAppendInfo appended =
                    await container.SegmentToAppend(state).AppendBlockAsync(content, cancellationToken: cancellationToken);
                long begin = long.Parse(appended.BlobAppendOffset, NumberStyles.None, CultureInfo.InvariantCulture);
                Land(attempt, begin);
                _growth = new Growth(state, begin + block.Length, appended.BlobCommittedBlockCount);
                return;
            }
            catch (RequestFailedException full) when (full.ErrorCode is "BlobIsSealed" or "BlockCountExceedsLimit" or "InvalidBlobType")
            {
                _open = null;
                state = await roller.RollAsync(state, cancellationToken);
            }
            catch (RequestFailedException missing) when (missing.Status == 404)
            {
                _open = null; // The log was deleted.
                container.Forget(state);
                state = await container.LocateAsync(cancellationToken);
            }
            catch (RequestFailedException refused) when (refused.Status is >= 400 and < 500)
            {
                _open = null;
                throw;
            }
        }
    }

    private async Task SettleAsync(Attempt attempt, CancellationToken cancellationToken)
    {
        try
        {
            await container.SealAsync(attempt.State.Epoch, attempt.State.Active, cancellationToken);
            if (await FindAsync(attempt, cancellationToken) is { } begin)
            {
                Land(attempt, begin);
            }
            else
            {
                await roller.RollAsync(attempt.State, cancellationToken);
            }
        }
        catch (RequestFailedException gone) when (gone.Status is 404 or 409)
        {
            // The segment is past retention, or the log was deleted: nobody reads what may have landed there.
        }

        _open = null;
    }

    /// <summary>Searches a sealed segment for the block, from the length that the segment had before the attempt.</summary>
    private async Task<long?> FindAsync(Attempt attempt, CancellationToken cancellationToken)
    {
        var segment = container.Segment(attempt.State.Epoch, attempt.State.Active);
        BlobProperties properties = await segment.GetPropertiesAsync(cancellationToken: cancellationToken);
        for (long from = attempt.State.Length; from + attempt.Block.Length <= properties.ContentLength; from += SearchSize)
        {
            var options = new BlobDownloadOptions { Range = new HttpRange(from, SearchSize + attempt.Block.Length - 1) };
            BlobDownloadResult part = await segment.DownloadContentAsync(options, cancellationToken);
            int index = part.Content.ToMemory().Span.IndexOf(attempt.Block);
            if (index >= 0)
            {
                return from + index;
            }
        }

        return null;
    }

    private void Land(Attempt attempt, long begin)
    {
        _open = null;
        _landed = [];
        for (int index = 0; index < attempt.Ends.Length; index++)
        {
            NumberedRecord record = attempt.Records[index];
            string mark = RecordMark.Of(record.Line.Span);
            _landed.Add(record.Number, new LogPosition(attempt.State.Epoch, attempt.State.Active, begin + attempt.Ends[index], mark));
        }
    }

    private sealed record Growth(BlobLogState State, long Length, int Blocks);

    private sealed record Attempt(BlobLogState State, IReadOnlyList<NumberedRecord> Records, byte[] Block, long[] Ends);
}
