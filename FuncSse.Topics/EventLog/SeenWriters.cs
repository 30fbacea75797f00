namespace FuncSse.Topics;

/// <summary>
/// Which records count. An append whose answer was lost is repeated, and either copy may land late; each event must count once, with one
/// id, for every reader wherever it begins.
/// </summary>
/// <remarks>
/// <para>
/// A writer numbers what it appends, in increasing order, and has one append under way at a time. The rule: a record counts if no record
/// before it, in the whole log, is of the same writer and has the same or a greater number. So the first copy counts and a later one does
/// not; an append that the writer gave up and that lands behind a newer one of the same writer counts for nobody (its publisher was told
/// of an error), and one that lands before it counts for all. A copy that landed in the old segment and one in the next are two places of one order.
/// A process that was started again is another writer.
/// </para>
/// <para>
/// A reader that begins at P cannot see what lies before. Each record carries an end of the log, A, that its writer knew before it first
/// tried to append it. All copies of the record lie behind A, and so do all records of the writer with a greater number, since those were
/// tried later. If A is not before P, what the reader has seen decides. If it is, the reader must look at what lies between A and
/// P (<see cref="LooksBackTo"/>), once: from then on it knows all that lies behind A. A writer asks for the log's end again before it
/// uses one that is older than a second, so this is little.
/// </para>
/// <para>
/// Writers whose last record is oldest are forgotten when there are too many: that makes the reader one that began behind them.
/// </para>
/// </remarks>
/// <param name="begin">Where the reader begins.</param>
internal sealed class SeenWriters(LogPosition begin)
{
    private const int MaxWriters = 4096;

    private readonly Dictionary<string, (long Number, LogPosition Last)> _greatest = new(StringComparer.Ordinal);

    /// <summary>All that lies behind this and before where the reader is has been seen.</summary>
    public LogPosition Begin { get; private set; } = begin;

    /// <summary>Where the reader must have begun to decide about the record; <see langword="null"/> if it can decide.</summary>
    public LogPosition? LooksBackTo(EventRecord record)
    {
        if (IsPassedOver(record))
        {
            return null;
        }

        var after = new LogPosition(Begin.Epoch, record.AfterSegment, record.AfterOffset);
        return Begin.IsAfter(after) ? after : null;
    }

    /// <summary>Takes note of a record that the reader came to, and tells whether it counts.</summary>
    public bool Counts(EventRecord record, LogPosition end)
    {
        if (IsPassedOver(record))
        {
            return false;
        }

        _greatest[record.Writer] = (record.Number, end);
        if (_greatest.Count > MaxWriters)
        {
            ForgetOldest();
        }

        return true;
    }

    /// <summary>Takes note of what lies between <paramref name="position"/> and <see cref="Begin"/>.</summary>
    public void BeginAt(LogPosition position, IEnumerable<(EventRecord Record, LogPosition End)> records)
    {
        foreach ((EventRecord record, LogPosition end) in records)
        {
            if (!IsPassedOver(record))
            {
                // The position of the last record stays that of the newest: it is what decides who is forgotten.
                bool known = _greatest.TryGetValue(record.Writer, out (long Number, LogPosition Last) seen);
                _greatest[record.Writer] = (record.Number, known && seen.Last.IsAfter(end) ? seen.Last : end);
            }
        }

        Begin = position;
    }

    private bool IsPassedOver(EventRecord record) =>
        _greatest.TryGetValue(record.Writer, out (long Number, LogPosition Last) seen) && record.Number <= seen.Number;

    private void ForgetOldest()
    {
        LogPosition[] ends = [.. _greatest.Values.Select(seen => seen.Last)];
        Array.Sort(ends, (one, other) => one.IsAfter(other) ? 1 : other.IsAfter(one) ? -1 : 0);
        Begin = ends[ends.Length / 2];
        foreach ((string writer, (long _, LogPosition last)) in _greatest)
        {
            if (!last.IsAfter(Begin))
            {
                _greatest.Remove(writer);
            }
        }
    }
}
