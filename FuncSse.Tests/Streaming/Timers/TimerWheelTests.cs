using FuncSse.Streaming;

namespace FuncSse.Tests;

[Trait("Category", "Fast")]
public sealed class TimerWheelTests
{
    // More than one turn of the wheel.
    private const int Far = 10_000;

    private readonly TimerWheel _wheel = new();

    [Fact]
    public void What_is_due_is_taken_in_the_order_in_which_it_was_added()
    {
        Entry[] entries = [.. Enumerable.Range(0, 5).Select(_ => new Entry())];
        Array.ForEach(entries, entry => _wheel.Add(entry, 7));
        _wheel.Advance(6);
        Assert.Null(_wheel.TakeDue());
        _wheel.Advance(7);
        Assert.Equal(entries, TakeAll());
    }

    [Fact]
    public void What_is_due_can_still_be_removed()
    {
        Entry[] entries = [new(), new(), new()];
        Array.ForEach(entries, entry => _wheel.Add(entry, 1));
        _wheel.Advance(1);
        _wheel.Remove(entries[0]);
        _wheel.Remove(entries[2]);
        _wheel.Remove(entries[2]);
        Assert.Equal([entries[1]], TakeAll());
    }

    [Fact]
    public void What_waits_for_a_tick_that_has_been_is_due_with_the_next()
    {
        _wheel.Advance(100);
        var entry = new Entry();
        _wheel.Add(entry, 3);
        Assert.Equal(101, _wheel.NextTick());
        _wheel.Advance(101);
        Assert.Equal([entry], TakeAll());
    }

    [Fact]
    public void Random_use_agrees_with_a_plain_list()
    {
        int seed = Random.Shared.Next();
        var random = new Random(seed);
        var waiting = new Dictionary<Entry, long>();
        for (int i = 0; i < 100_000; i++)
        {
            switch (random.Next(4))
            {
                case 0 or 1:
                    var added = new Entry();
                    waiting[added] = _wheel.Now + random.Next(1, random.Next(4) == 0 ? Far : 100);
                    _wheel.Add(added, waiting[added]);
                    break;
                case 2 when waiting.Count > 0:
                    Entry removed = waiting.Keys.ElementAt(random.Next(Math.Min(waiting.Count, 50)));
                    waiting.Remove(removed);
                    _wheel.Remove(removed);
                    break;
                default:
                    long next = waiting.Values.DefaultIfEmpty(TimerWheel.Never).Min();
                    Assert.True(_wheel.NextTick() <= next, $"seed {seed}");
                    _wheel.Advance(_wheel.Now + random.Next(1, random.Next(100) == 0 ? 2 * Far : 50));
                    Entry[] due = [.. waiting.Where(pair => pair.Value <= _wheel.Now).Select(pair => pair.Key)];
                    Assert.True(due.ToHashSet().SetEquals(TakeAll()), $"seed {seed}");
                    Array.ForEach(due, entry => waiting.Remove(entry));
                    break;
            }
        }
    }

    [Fact]
    public void Next_tick_is_exact_where_nothing_was_removed()
    {
        Assert.Equal(TimerWheel.Never, _wheel.NextTick());
        foreach (int tick in (int[])[Far, 5000, 4097, 4096, 12, 1])
        {
            _wheel.Add(new Entry(), tick);
            Assert.Equal(tick, _wheel.NextTick());
        }

        foreach (int tick in (int[])[1, 12, 4096, 4097, 5000, Far])
        {
            Assert.Equal(tick, _wheel.NextTick());
            _wheel.Advance(tick);
            Assert.Single(TakeAll());
        }

        Assert.Equal(TimerWheel.Never, _wheel.NextTick());
    }

    private List<Entry> TakeAll()
    {
        var taken = new List<Entry>();
        while (_wheel.TakeDue() is Entry entry)
        {
            taken.Add(entry);
        }

        return taken;
    }

    private sealed class Entry : TimerWheel.Entry;
}
