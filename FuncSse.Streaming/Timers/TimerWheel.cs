namespace FuncSse.Streaming;

/// <summary>
/// A hashed timing wheel (Varghese and Lauck 1987, scheme 6). An entry that waits for tick n is in the list of slot n modulo the number of
/// slots, so adding, removing and taking an entry cost the same however many there are, and allocate nothing.
/// </summary>
internal sealed class TimerWheel
{
    /// <summary>A tick that never comes.</summary>
    public const long Never = long.MaxValue;

    // An entry that waits for longer than one turn of the wheel is passed over until its tick has come.
    private const int Slots = 4096;

    // The list after those of the slots holds what is due, in order.
    private const int Due = Slots;

    private readonly Entry?[] _first = new Entry?[Slots + 1];

    // For each slot, a tick before which no entry in it is due. The entry that waited for it may have been removed since. Without it, an
    // entry that waits for minutes would wake the process at every turn of the wheel.
    private readonly long[] _earliest = new long[Slots];

    public TimerWheel() => Array.Fill(_earliest, Never);

    /// <summary>The tick up to which everything has become due.</summary>
    public long Now { get; private set; }

    /// <summary>Lets an entry wait for a tick, or for the next one if that tick has passed.</summary>
    public void Add(Entry entry, long tick)
    {
        entry.Tick = Math.Max(tick, Now + 1);
        AddToSlot(entry);
    }

    /// <summary>Removes an entry from the list that it is in, if it is in one.</summary>
    public void Remove(Entry entry)
    {
        if (entry.Next is null)
        {
            return;
        }

        ref Entry? first = ref _first[entry.Slot];
        if (entry.Next == entry)
        {
            first = null;
            if (entry.Slot != Due)
            {
                _earliest[entry.Slot] = Never;
            }
        }
        else
        {
            entry.Previous!.Next = entry.Next;
            entry.Next.Previous = entry.Previous;
            first = first == entry ? entry.Next : first;
        }

        entry.Next = entry.Previous = null;
    }

    /// <summary>Moves on to a tick. Whatever waited for it or for an earlier one becomes due.</summary>
    public void Advance(long now)
    {
        for (long tick = Math.Max(Now + 1, now - Slots + 1); tick <= now; tick++)
        {
            int slot = (int)(tick % Slots);
            if (_earliest[slot] <= now)
            {
                MoveDue(slot, now);
            }
        }

        Now = now;
    }

    /// <summary>Takes out the next of what is due, if anything is.</summary>
    public Entry? TakeDue()
    {
        Entry? first = _first[Due];
        if (first is not null)
        {
            Remove(first);
        }

        return first;
    }

    /// <summary>The tick before which nothing becomes due.</summary>
    public long NextTick()
    {
        long next = Never;
        for (long tick = Now + 1; tick <= Now + Slots && tick < next; tick++)
        {
            next = Math.Min(next, _earliest[tick % Slots]);
        }

        return next;
    }

    private void MoveDue(int slot, long now)
    {
        Entry? entry = _first[slot];
        _first[slot] = null;
        _earliest[slot] = Never;
        for (entry?.Previous!.Next = null; entry is not null;)
        {
            Entry? next = entry.Next;
            if (entry.Tick <= now)
            {
                Append(entry, Due);
            }
            else
            {
                AddToSlot(entry);
            }

            entry = next;
        }
    }

    private void AddToSlot(Entry entry)
    {
        int slot = (int)(entry.Tick % Slots);
        _earliest[slot] = Math.Min(_earliest[slot], entry.Tick);
        Append(entry, slot);
    }

    private void Append(Entry entry, int slot)
    {
        entry.Slot = slot;
        if (_first[slot] is not { } first)
        {
            _first[slot] = entry.Next = entry.Previous = entry;
            return;
        }

        (entry.Next, entry.Previous) = (first, first.Previous);
        first.Previous!.Next = entry;
        first.Previous = entry;
    }

    /// <summary>An entry of a wheel. It is in one list at a time; each list is a circle, so that its first entry knows its last.</summary>
    public abstract class Entry
    {
        internal Entry? Next { get; set; }

        internal Entry? Previous { get; set; }

        internal long Tick { get; set; }

        internal int Slot { get; set; }
    }
}
