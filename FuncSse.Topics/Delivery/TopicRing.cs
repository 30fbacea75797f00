using System.Diagnostics.CodeAnalysis;

namespace FuncSse.Topics;

/// <summary>How far the hub's reader has come.</summary>
/// <param name="Sequence">The sequence of the newest event. Sequences begin with 1 and are not reused.</param>
/// <param name="Position">The reader's position in the log: the end of that event, or a later one.</param>
internal sealed record RingHead(long Sequence, LogPosition Position);

/// <summary>
/// The newest events, bounded in bytes. One thread adds events. Any number of threads read without a lock, and may find that an event is gone.
/// </summary>
internal sealed class TopicRing(long maxBytes)
{
    private TopicEvent?[] _slots = new TopicEvent?[1024];
    private RingHead? _head;
    private long _oldest = 1;
    private long _newest;
    private long _bytes;

    /// <summary>How far the hub's reader has come; <see langword="null"/> while it has no position.</summary>
    public RingHead? Head => Volatile.Read(ref _head);

    /// <summary>The hub's reader begins at a position.</summary>
    public void Begin(LogPosition position)
    {
        while (_oldest <= _newest)
        {
            Drop();
        }

        MoveTo(position);
    }

    /// <summary>The hub's reader has no position any more.</summary>
    public void End() => Volatile.Write(ref _head, null);

    /// <summary>The hub's reader has come to a position, without another event.</summary>
    public void MoveTo(LogPosition position) => Volatile.Write(ref _head, new RingHead(_newest, position));

    public void Add(TopicEvent added)
    {
        added.Sequence = _newest + 1;
        if (added.Sequence - _oldest == _slots.Length)
        {
            Grow();
        }

        Volatile.Write(ref _slots[Slot(_slots, added.Sequence)], added);
        // The event is in its place before its sequence is known to readers.
        _newest = added.Sequence;
        MoveTo(added.Position);
        _bytes += added.Size;
        while (_bytes > maxBytes && _oldest < _newest)
        {
            Drop();
        }
    }

    public bool TryGet(long sequence, [NotNullWhen(true)] out TopicEvent? found)
    {
        TopicEvent?[] slots = Volatile.Read(ref _slots);
        found = Volatile.Read(ref slots[Slot(slots, sequence)]);
        return found?.Sequence == sequence;
    }

    /// <summary>Finds the sequence of the first event after a position, or the one that the next event will have.</summary>
    /// <returns><see langword="false"/> if an event after the position may be gone.</returns>
    public bool TryFindAfter(LogPosition position, RingHead head, out long sequence)
    {
        sequence = head.Sequence + 1;
        if (!head.Position.IsAfter(position))
        {
            return true;
        }

        long low = Volatile.Read(ref _oldest);
        if (low > head.Sequence || !TryGet(low, out TopicEvent? oldest) || oldest.Before.IsAfter(position))
        {
            return false;
        }

        for (long high = sequence; low < high;)
        {
            long middle = low + ((high - low) / 2);
            if (!TryGet(middle, out TopicEvent? found))
            {
                return false; // It was dropped in the meantime.
            }

            (low, high) = found.Position.IsAfter(position) ? (low, middle) : (middle + 1, high);
        }

        sequence = low;
        return true;
    }

    /// <summary>Whether the position is the end of an event that is still in the ring.</summary>
    public bool HasBoundaryAt(LogPosition position, RingHead head) =>
        TryFindAfter(position, head, out long sequence) && TryGet(sequence - 1, out TopicEvent? found) && found.Position == position;

    private void Drop()
    {
        ref TopicEvent? slot = ref _slots[Slot(_slots, _oldest)];
        _bytes -= slot!.Size;
        Volatile.Write(ref slot, null);
        Volatile.Write(ref _oldest, _oldest + 1);
    }

    private void Grow()
    {
        var slots = new TopicEvent?[_slots.Length * 2];
        for (long sequence = _oldest; sequence <= _newest; sequence++)
        {
            slots[Slot(slots, sequence)] = _slots[Slot(_slots, sequence)];
        }

        Volatile.Write(ref _slots, slots);
    }

    private static long Slot(TopicEvent?[] slots, long sequence) => sequence & (slots.Length - 1);
}
