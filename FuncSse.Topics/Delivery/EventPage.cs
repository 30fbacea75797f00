namespace FuncSse.Topics;

/// <summary>The events of a part of the log.</summary>
/// <param name="State">What the log knows of <paramref name="Start"/>; there are no events unless it is known.</param>
/// <param name="Start">The position behind which the page begins.</param>
/// <param name="End">The position up to which it goes.</param>
/// <param name="Events">The events that count.</param>
/// <param name="Ends">Where records end, those that do not count among them.</param>
/// <param name="HasMore">Whether there may be more behind it.</param>
internal sealed record EventPage(
    PositionState State, LogPosition Start, LogPosition End, IReadOnlyList<TopicEvent> Events, IReadOnlyList<LogPosition> Ends, bool HasMore)
{
    // A page that the catch-up keeps costs about this.
    public long Size => 256 + (Ends.Count * 64L) + Events.Sum(one => (long)one.Size);

    /// <summary>Whether a record of the page ends there, or the page begins there.</summary>
    public bool Knows(LogPosition position) => position == Start || position == End || Search(Ends, position) >= 0;

    /// <summary>Whether the page has what follows the position.</summary>
    public bool GoesOnFrom(LogPosition position) =>
        Start.Epoch == position.Epoch && !Start.IsAfter(position) && End.IsAfter(position);

    /// <summary>The index of the first event behind the position.</summary>
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
