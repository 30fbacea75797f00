using System.Diagnostics.CodeAnalysis;

namespace FuncSse.Topics;

/// <summary>How far the hub's reader has come: the newest event in the ring, and the position in the log.</summary>
internal sealed record RingHead(long Sequence, LogPosition Position);

/// <summary>
/// The newest events, bounded in bytes. One thread adds events. Any number of threads read without a lock, and may find that an event is gone.
/// </summary>
internal sealed class TopicRing(long maxBytes)
{
    private TopicEvent?[] _slots = new TopicEvent?[1024];
    private long _oldest = 1;
    private long _newest;
    private long _bytes;

    /// <summary>The sequence of the newest event. Sequences begin with 1 and are not reused.</summary>
    public long Newest => Volatile.Read(ref _newest);

    public void Add(TopicEvent added)
    {
        added.Sequence = _newest + 1;
        if (added.Sequence - _oldest == _slots.Length)
        {
            Grow();
        }

        Volatile.Write(ref _slots[Slot(_slots, added.Sequence)], added);
        // The event is in its place before its sequence is known to readers.
        Volatile.Write(ref _newest, added.Sequence);
        _bytes += added.Size;
        while (_bytes > maxBytes && _oldest < _newest)
        {
            Drop();
        }
    }

    public void Clear()
    {
        while (_oldest <= _newest)
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
