using System.Runtime.CompilerServices;
using System.Text;
using FuncSse.Topics;
using Microsoft.Extensions.Logging;

namespace FuncSse.Tests.Topics;

/// <summary>Subscriptions that read missed events from the log: how they share it, and what they cost.</summary>
public sealed class CatchUpTests : IAsyncDisposable
{
    private static readonly TopicOptions s_smallRing = new() { RingSize = 64 * 1024 };

    private readonly FaultyLog _log = new(new MemoryEventLog(new TopicOptions(), TimeProvider.System));
    private readonly TopicNode _publisher;

    public CatchUpTests() => _publisher = new TopicNode(_log);

    public ValueTask DisposeAsync() => _publisher.DisposeAsync();

    [Fact]
    public async Task Read_that_fails_holds_up_no_other_and_is_logged_once()
    {
        string bad = await _publisher.PublishAsync("a", "bad");
        string good = await _publisher.PublishAsync("a", "good");
        await _publisher.PublishAsync("a", "1");
        await using var node = new TopicNode(_log, s_smallRing);
        int failures = 0;
        _log.OnRead = (after, read) =>
            after.ToString() != bad ? read() : Interlocked.Increment(ref failures) > 0 ? throw new EventLogUnavailableException("no") : read();
        using SubscriptionReader failing = node.Subscribe("a", bad);
        await Eventually.TrueAsync(() => Volatile.Read(ref failures) >= 1);
        using SubscriptionReader other = node.Subscribe("a", good);
        await other.NextAsync();
        Assert.Equal("1", await other.DataAsync());
        await Eventually.TrueAsync(() => Volatile.Read(ref failures) >= 8);
        Assert.Single(node.Logs.GetSnapshot(), entry => entry.Level >= LogLevel.Warning);
        Assert.False(failing.Subscription.IsEnded);

        _log.OnRead = (_, read) => read();
        await failing.NextAsync();
        Assert.Equal(["good", "1"], await failing.DataAsync(2));
    }

    // A later version of the app writes such records during a deployment.
    [Fact]
    public async Task Records_that_are_no_events_count_as_memory_of_their_page()
    {
        LogPosition earliest = await _log.GetEarliestAsync(TestContext.Current.CancellationToken);
        byte[] later = Encoding.UTF8.GetBytes($"{{\"v\":3,\"d\":\"{new string('x', 2000)}\"}}");
        await _publisher.AppendAsync([.. Enumerable.Range(1, 100).Select(number => new NumberedRecord(number, later))]);
        EventPage page = await EventPage.ReadAsync(_log, earliest, EventPage.TargetSize, _publisher.Metrics, TestContext.Current.CancellationToken);
        Assert.Equal((100, 100), (page.Records.Count, page.Topics.Count(topic => topic is null)));
        Assert.InRange(page.Size, 200_000, 300_000);
    }

    [Fact]
    public async Task Storm_of_expired_positions_is_decided_by_a_few_reads()
    {
        const int Clients = 1000;
        var options = new TopicOptions { MaxLogSize = 128 * 1024, RingSize = 64 * 1024 };
        var log = new FaultyLog(new MemoryEventLog(options, TimeProvider.System));
        await using var publisher = new TopicNode(log, options);
        List<string> ids = [];
        for (int number = 0; number < 3 * Clients; number++)
        {
            ids.Add(await publisher.PublishAsync("a", new string('x', 100)));
        }

        await using var node = new TopicNode(log, options);
        var all = new TaskCompletionSource();
        log.OnRead = async (_, read) =>
        {
            await all.Task;
            return await read();
        };
        int before = log.Reads;
        SubscriptionReader[] readers = [.. ids.Take(Clients).Select(id => node.Subscribe("a", id))];
        all.SetResult();
        foreach (SubscriptionReader reader in readers)
        {
            Assert.StartsWith("event: reset\ndata: {\"reason\":\"expired\"}\n\nevent: position\n", await reader.NextAsync(), StringComparison.Ordinal);
            reader.Dispose();
        }

        Assert.InRange(log.Reads - before, 1, 20);
    }

    [Fact]
    public async Task Client_that_missed_little_is_not_starved_by_those_that_ask_for_everything()
    {
        const int Events = 3000;
        List<string> ids = [];
        for (int number = 0; number < Events; number++)
        {
            ids.Add(await _publisher.PublishAsync("a", $"{number} {new string('x', 1000)}"));
        }

        await using var node = new TopicNode(_log, s_smallRing);
        bool isDone = false;
        Task[] greedy = [.. Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
        {
            while (!Volatile.Read(ref isDone))
            {
                using SubscriptionReader all = node.Subscribe("a", TopicSubscription.Earliest);
                for (int number = 0; number < 500; number++)
                {
                    await all.NextAsync();
                }
            }
        }, TestContext.Current.CancellationToken))];
        using SubscriptionReader late = node.Subscribe("a", ids[Events / 2]);
        await late.NextAsync();
        for (int number = (Events / 2) + 1; number < Events; number++)
        {
            Assert.StartsWith($"{number} ", await late.DataAsync(), StringComparison.Ordinal);
        }

        Volatile.Write(ref isDone, true);
        await Task.WhenAll(greedy).WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Subscription_that_waits_for_its_client_holds_no_page()
    {
        const int Clients = 100;
        List<string> ids = [];
        for (int number = 0; number <= Clients; number++)
        {
            ids.Add(await _publisher.PublishAsync("a", $"{number}"));
            await _publisher.PublishAsync("b", new string('x', 200_000));
        }

        await using var node = new TopicNode(_log, s_smallRing);
        List<SubscriptionReader> readers = [];
        List<WeakReference> sent = [];
        for (int number = 0; number < Clients; number++)
        {
            SubscriptionReader reader = node.Subscribe("b a", ids[number]);
            await reader.NextAsync();
            sent.Add(Take(reader)); // The large event, of which a client takes a part.
            readers.Add(reader);
        }

        GC.Collect();
        Assert.InRange(sent.Count(one => one.IsAlive), 0, Clients / 10); // Some are in the pages that are kept for others.
        for (int number = 0; number < Clients; number++)
        {
            Assert.Equal($"{number + 1}", await readers[number].DataAsync());
            readers[number].Dispose();
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        static WeakReference Take(SubscriptionReader reader)
        {
            TopicItem next;
            var wait = new SpinWait();
            while (!reader.Subscription.TryRead(out next))
            {
                wait.SpinOnce();
            }

            return new WeakReference(next.Event);
        }
    }

    [Fact]
    public async Task Parts_that_are_read_grow_while_they_have_nothing_for_the_subscription()
    {
        await _publisher.PublishAsync("a", "first");
        NumberedRecord other = new(100, new EventRecord("other", null, DateTimeOffset.UnixEpoch, Encoding.UTF8.GetBytes(new string('x', 64 * 1024))).Encode());
        await _publisher.AppendAsync([.. Enumerable.Range(100, 100).Select(number => other with { Number = number })]);
        await _publisher.PublishAsync("a", "last");
        await using var node = new TopicNode(_log, s_smallRing);
        int before = _log.Reads;
        using SubscriptionReader reader = node.Subscribe("a", TopicSubscription.Earliest);
        await reader.NextAsync();
        Assert.Equal(["first", "last"], await reader.DataAsync(2));
        Assert.InRange(_log.Reads - before, 2, 10); // Of 6.5 MB.
    }

    [Fact]
    public async Task Page_that_is_read_again_for_a_slow_client_is_not_a_large_one()
    {
        NumberedRecord other = new(100, new EventRecord("other", null, DateTimeOffset.UnixEpoch, Encoding.UTF8.GetBytes(new string('x', 64 * 1024))).Encode());
        await _publisher.AppendAsync([.. Enumerable.Range(100, 80).Select(number => other with { Number = number })]);
        for (int number = 0; number < 20; number++)
        {
            await _publisher.PublishAsync("a", $"{number} {new string('x', 100_000)}");
        }

        await using var node = new TopicNode(_log, s_smallRing);
        using SubscriptionReader reader = node.Subscribe("a", TopicSubscription.Earliest);
        await reader.NextAsync();
        await reader.NextAsync();
        long bytes = 0;
        _log.OnRead = async (_, read) =>
        {
            LogPage page = await read();
            Interlocked.Add(ref bytes, page.Records.Sum(record => (long)record.Line.Length));
            return page;
        };
        int reads = _log.Reads;
        for (int number = 1; number < 7; number++)
        {
            node.Hub.Pages.Clear(); // As when other clients have read other pages.
            await Task.Yield();
            GC.Collect();
            Assert.StartsWith($"{number} ", await reader.DataAsync(), StringComparison.Ordinal);
        }

        Assert.InRange(_log.Reads - reads, 1, 12);
        Assert.InRange(Volatile.Read(ref bytes) / (_log.Reads - reads), 0, 400_000);
    }

    [Fact]
    public async Task Events_of_other_topics_are_not_decoded()
    {
        string earliest = await _publisher.EarliestAsync();
        await _publisher.AppendAsync([new NumberedRecord(101, Damaged("other"))]);
        await _publisher.PublishAsync("a", "1");
        await using var node = new TopicNode(_log);
        using SubscriptionReader missed = node.Subscribe("a", TopicSubscription.Earliest);
        Assert.Equal(earliest, SubscriptionReader.Id(await missed.NextAsync()));
        Assert.Equal("1", await missed.DataAsync());
        await _publisher.AppendAsync([new NumberedRecord(102, Damaged("other"))]);
        await _publisher.PublishAsync("a", "2");
        Assert.Equal("2", await missed.DataAsync());
        Assert.Empty(node.Logs.GetSnapshot());

        using SubscriptionReader other = node.Subscribe("other a", earliest);
        await other.NextAsync();
        Assert.Equal(["1", "2"], await other.DataAsync(2));
        await _publisher.AppendAsync([new NumberedRecord(103, Damaged("other"))]);
        await _publisher.PublishAsync("a", "3");
        Assert.Equal("3", await other.DataAsync());
        Assert.Equal("3", await missed.DataAsync());
        Assert.Equal(3, node.Logs.GetSnapshot().Count(entry => entry.Message.Contains("Damaged", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Event_that_nobody_wanted_when_it_came_is_there_for_those_who_come_later()
    {
        using SubscriptionReader quiet = _publisher.Subscribe("quiet");
        await quiet.NextAsync();
        string first = await _publisher.PublishAsync("a", "1");
        string second = await _publisher.PublishAsync("a", "2");
        await Eventually.TrueAsync(() => quiet.Id() == second);
        int reads = _log.Reads;
        using SubscriptionReader late = _publisher.Subscribe("a", first);
        Assert.Equal(first, SubscriptionReader.Id(await late.NextAsync()));
        Assert.Equal($"data: 2\nid: {second}\n\n", await late.NextAsync());
        Assert.Equal(reads, _log.Reads);
    }

    private static byte[] Damaged(string topic) =>
        [.. new EventRecord(topic, null, DateTimeOffset.UnixEpoch, Encoding.UTF8.GetBytes("x")).Encode().Select((b, i) => i == 20 + topic.Length ? (byte)'#' : b)];
}
