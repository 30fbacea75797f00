namespace FuncSse.Topics;

/// <summary>The events of a section of the log.</summary>
/// <param name="State">The state of <paramref name="Start"/>. There are no events unless it is known.</param>
/// <param name="Start">The position after which the page begins.</param>
/// <param name="End">The position at which the page ends.</param>
/// <param name="Events">The events, without duplicates.</param>
/// <param name="Ends">The ends of all records, also of those that are not events.</param>
/// <param name="HasMore">Whether more records may follow.</param>
internal sealed record EventPage(
    PositionState State, LogPosition Start, LogPosition End, IReadOnlyList<TopicEvent> Events, IReadOnlyList<LogPosition> Ends, bool HasMore)
{
    // About how much memory the page takes.
    public long Size => 256 + (Ends.Count * 64L) + Events.Sum(one => (long)one.Size);

    /// <summary>Whether the page begins at the position, or one of its records ends there.</summary>
    public bool HasBoundaryAt(LogPosition position) => position == Start || position == End || Search(Ends, position) >= 0;

    /// <summary>Whether the page has the records that follow the position.</summary>
    public bool Continues(LogPosition position) =>
        Start.Epoch == position.Epoch && !Start.IsAfter(position) && End.IsAfter(position);

    /// <summary>The index of the first event after the position.</summary>
    public int FirstAfter(LogPosition position)
    {
        (int low, int high) = (0, Events.Count);
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = Events[middle].Position.IsAfter(position) ? (low, middle) : (middle + 1, high);
        }

        return low;
    }

    private static int Search(IReadOnlyList<LogPosition> ends, LogPosition position)
    {
        (int low, int high) = (0, ends.Count - 1);
        while (low <= high)
        {
            int middle = (low + high) / 2;
            if (ends[middle] == position)
            {
                return middle;
            }

            (low, high) = ends[middle].IsAfter(position) ? (low, middle - 1) : (middle + 1, high);
        }

        return -1;
    }
}
