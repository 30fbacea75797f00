using System.Runtime.CompilerServices;
using FuncSse.Streaming;
using FuncSse.Topics;

namespace FuncSse.Tests.Topics;

/// <summary>The hub and its subscriptions, on the log in memory.</summary>
[Trait("Category", "Fast")]
public sealed class TopicHubTests : IAsyncDisposable
{
    private readonly FaultyLog _log = new(new MemoryEventLog(new TopicOptions(), TimeProvider.System));
    private readonly TopicNode _node;

    public TopicHubTests() => _node = new TopicNode(_log);

    public ValueTask DisposeAsync() => _node.DisposeAsync();

    [Fact]
    public async Task Frames_are_as_the_wire_says()
    {
        using SubscriptionReader reader = _node.Subscribe("news");
        string now = await _node.EarliestAsync();
        Assert.Equal($"event: position\ndata: {{}}\nid: {now}\n\n", await reader.NextAsync());
        string first = await _node.PublishAsync("news", "a\r\nb\rc\n");
        Assert.Equal($"data: a\ndata: b\ndata: c\ndata: \nid: {first}\n\n", await reader.NextAsync());
        string second = await _node.PublishAsync("news", "", "added");
        Assert.Equal($"event: added\ndata: \nid: {second}\n\n", await reader.NextAsync());
    }

    [Fact]
    public async Task Resume_goes_on_behind_the_last_event_id()
    {
        string first = await _node.PublishAsync("a", "1");
        await _node.PublishAsync("a", "2");
        await _node.PublishAsync("b", "other");
        await _node.PublishAsync("a", "3");
        using SubscriptionReader reader = _node.Subscribe("a", first);
        Assert.Equal($"event: position\ndata: {{}}\nid: {first}\n\n", await reader.NextAsync());
        Assert.Equal(["2", "3"], await reader.DataAsync(2));
        await _node.PublishAsync("a", "4");
        Assert.Equal("4", await reader.DataAsync());
    }

    [Fact]
    public async Task Who_fails_while_the_hub_sends_for_it_ends_alone()
    {
        var signal = new SseSignal();
        using var failing = new SubscriptionReader(
            _node.Hub.Subscribe(new TopicSet(["a"]), null, signal, () => throw new InvalidOperationException("no")), signal);
        using SubscriptionReader other = _node.Subscribe("a");
        await failing.NextAsync();
        await other.NextAsync();
        Task waiting = WaitForeverAsync();
        await _node.PublishAsync("a", "1");
        await Assert.ThrowsAsync<InvalidOperationException>(() => waiting.WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken));
        Assert.Equal("1", await other.DataAsync());
        await _node.PublishAsync("a", "2");
        Assert.Equal("2", await other.DataAsync());

        async Task WaitForeverAsync()
        {
            while (true)
            {
                await signal.WaitAsync();
            }
        }
    }

    [Fact]
    public async Task Each_of_many_subscribers_gets_each_event_once_and_in_order()
    {
        const int Events = 100;
        SubscriptionReader[] readers = [.. Enumerable.Range(0, 1000).Select(i => _node.Subscribe(i % 2 == 0 ? "t/0" : "t/* t/0"))];
        await Task.WhenAll(readers.Select(reader => reader.NextAsync()));
        Task<IReadOnlyList<string>[]> reading = Task.WhenAll(readers.Select(reader => reader.DataAsync(Events)));
        string[] sent = [.. Enumerable.Range(0, Events).Select(i => $"{i}")];
        foreach (string[] burst in sent.Chunk(3))
        {
            await Task.WhenAll(burst.Select(data => _node.PublishAsync("t/0", data)));
        }

        Assert.All(await reading, received => Assert.Equal(sent, received));
        Array.ForEach(readers, reader => reader.Dispose());
    }

    [Fact]
    public async Task Earliest_is_all_that_is_kept()
    {
        string earliest = await _node.EarliestAsync();
        await _node.PublishAsync("a", "1");
        await _node.PublishAsync("a", "2");
        using SubscriptionReader reader = _node.Subscribe("a", "earliest");
        Assert.Equal(earliest, SubscriptionReader.Id(await reader.NextAsync()));
        Assert.Equal(["1", "2"], await reader.DataAsync(2));
    }

    [Fact]
    public async Task Earliest_is_no_loss_although_the_log_moves_on_meanwhile()
    {
        var options = new TopicOptions { MaxLogSize = 64 * 1024 };
        var log = new FaultyLog(new MemoryEventLog(options, TimeProvider.System));
        await using var node = new TopicNode(log, options);
        await node.PublishAsync("a", "old");
        int asked = 0;
        log.AfterEarliest = async () =>
        {
            for (int number = 0; asked < 3 && number < 100; number++)
            {
                await node.PublishAsync("a", new string('x', 1000));
            }

            asked++;
        };
        using SubscriptionReader reader = node.Subscribe("a", "earliest");
        Assert.StartsWith("event: position\n", await reader.NextAsync(), StringComparison.Ordinal);
        Assert.Equal(new string('x', 1000), await reader.DataAsync());
        Assert.True(asked > 3);
    }

    [Theory]
    [InlineData("other-0-0")]
    [InlineData("")]
    [InlineData("7")]
    [InlineData("{epoch}-0-99")]
    [InlineData("{epoch}-0-01")]
    [InlineData("{epoch}-0-1 ")]
    [InlineData("{epoch}-1-0")]
    [InlineData("{epoch}-0-99999999999999999999")]
    public async Task Unknown_position_is_told_and_then_it_is_live(string lastEventId)
    {
        string id = await _node.PublishAsync("a", "1");
        using SubscriptionReader reader = _node.Subscribe("a", lastEventId.Replace("{epoch}", id.Split('-')[0], StringComparison.Ordinal));
        Assert.Equal($"event: reset\ndata: {{\"reason\":\"unknown\"}}\n\nevent: position\ndata: {{}}\nid: {id}\n\n", await reader.NextAsync());
        await _node.PublishAsync("a", "2");
        Assert.Equal("2", await reader.DataAsync());
    }

    [Fact]
    public async Task Overlapping_topics_bring_each_event_once()
    {
        using SubscriptionReader reader = _node.Subscribe("orders/1 orders/* * orders/1");
        await reader.NextAsync();
        await _node.PublishAsync("orders/1", "1");
        await _node.PublishAsync("orders", "2");
        await _node.PublishAsync("orders/eu/9", "3");
        Assert.Equal(["1", "2", "3"], await reader.DataAsync(3));
        Assert.False(reader.TryRead());
    }

    [Fact]
    public async Task Subscriber_is_woken_for_its_own_topics_only()
    {
        using SubscriptionReader own = _node.Subscribe("a");
        using SubscriptionReader other = _node.Subscribe("b/*");
        await own.NextAsync();
        await other.NextAsync();
        Task wait = other.WaitAsync().AsTask();
        while (wait.IsCompleted)
        {
            Assert.False(other.TryRead()); // The signal of the opening.
            wait = other.WaitAsync().AsTask();
        }

        for (int number = 0; number < 10; number++)
        {
            await _node.PublishAsync("a", $"{number}");
            Assert.Equal($"{number}", await own.DataAsync());
        }

        Assert.False(wait.IsCompleted);
        await _node.PublishAsync("b/1", "b");
        await wait.WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken);
        Assert.Equal("b", await other.DataAsync());
    }

    [Fact]
    public async Task Position_frame_has_all_that_was_sent_and_nothing_more()
    {
        using SubscriptionReader quiet = _node.Subscribe("quiet");
        using SubscriptionReader slow = _node.Subscribe("busy");
        string opening = SubscriptionReader.Id(await slow.NextAsync());
        await quiet.NextAsync();
        string id = await _node.PublishAsync("busy", "1");
        await Eventually.TrueAsync(() => quiet.Id() == id);
        Assert.Equal(opening, slow.Id());
        await slow.NextAsync();
        Assert.Equal(id, slow.Id());
    }

    [Fact]
    public async Task Slow_subscriber_reads_from_the_log_what_the_ring_has_no_more()
    {
        await using var node = new TopicNode(_log, new TopicOptions { RingSize = 64 * 1024 });
        using SubscriptionReader slow = node.Subscribe("a b/*");
        using SubscriptionReader fast = node.Subscribe("a");
        await slow.NextAsync();
        await fast.NextAsync();
        for (int number = 0; number < 500; number++)
        {
            await node.PublishAsync(number % 2 == 0 ? "a" : "other", $"{number} {new string('x', 1000)}");
            _ = number % 2 == 0 ? await fast.NextAsync() : null;
        }

        IReadOnlyList<string> data = await slow.DataAsync(250);
        Assert.Equal(Enumerable.Range(0, 250).Select(index => $"{index * 2}"), data.Select(one => one.Split(' ')[0]));
        await node.PublishAsync("b/1", "live");
        Assert.Equal("live", await slow.DataAsync());
    }

    [Fact]
    public async Task Subscriber_that_is_slower_than_the_retention_is_told_of_it()
    {
        var options = new TopicOptions { RingSize = 64 * 1024, MaxLogSize = 128 * 1024 };
        await using var node = new TopicNode(new MemoryEventLog(options, TimeProvider.System), options);
        using SubscriptionReader slow = node.Subscribe("a");
        using SubscriptionReader fast = node.Subscribe("a");
        await slow.NextAsync();
        await fast.NextAsync();
        string last = "";
        for (int number = 0; number < 500; number++)
        {
            last = await node.PublishAsync("a", new string('x', 1000));
            await fast.NextAsync();
        }

        await Eventually.TrueAsync(() => fast.Id() == last);
        Assert.Equal($"event: reset\ndata: {{\"reason\":\"expired\"}}\n\nevent: position\ndata: {{}}\nid: {last}\n\n", await slow.NextAsync());
        await node.PublishAsync("a", "live");
        Assert.Equal("live", await slow.DataAsync());
    }

    [Fact]
    public async Task Storm_of_returns_reads_the_log_once()
    {
        const int Events = 1000;
        const int Clients = 1000;
        List<string> ids = [await _node.EarliestAsync()];
        for (int number = 0; number < Events; number++)
        {
            ids.Add(await _node.PublishAsync("a", $"{number} {new string('x', 100)}"));
        }

        int before = _log.Reads;
        await using var restarted = new TopicNode(_log);
        SubscriptionReader[] readers = [.. Enumerable.Range(0, Clients).Select(client => restarted.Subscribe("a", ids[client * 7 % 100]))];
        await Task.WhenAll(readers.Select(async (reader, client) =>
        {
            Assert.StartsWith("event: position", await reader.NextAsync(), StringComparison.Ordinal);
            for (int number = client * 7 % 100; number < Events; number++)
            {
                Assert.StartsWith($"{number} ", await reader.DataAsync(), StringComparison.Ordinal);
            }
        })).WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken);
        Assert.InRange(_log.Reads - before, 1, 30);
        Array.ForEach(readers, reader => reader.Dispose());
    }

    [Fact]
    public async Task Delivery_allocates_nothing()
    {
        const int Streams = 500;
        const int Rounds = 50;
        var marks = new (int Thread, long Bytes)[Streams];
        int[] received = new int[Streams];
        SubscriptionReader[] readers = [.. Enumerable.Range(0, Streams).Select(_ => _node.Subscribe("a"))];
        Task[] consumers = [.. readers.Select((reader, index) => ConsumeAsync(reader, index))];
        await Eventually.TrueAsync(() => received.All(count => Volatile.Read(ref count) == 1)); // The opening.
        long[] allocated = new long[Rounds];
        for (int round = 0; round < Rounds; round++)
        {
            await _node.PublishAsync("a", "x");
            await Eventually.TrueAsync(() => received.All(count => Volatile.Read(ref count) >= round + 2));
            allocated[round] = marks[0].Thread == marks[^1].Thread ? marks[^1].Bytes - marks[0].Bytes : -1;
        }

        // The first rounds make what the later ones use again. Now and then a consumer is not yet waiting and goes on elsewhere.
        Assert.Contains(0, allocated[(Rounds / 2)..]);
        Assert.All(allocated[(Rounds / 2)..], bytes => Assert.InRange(bytes, -1, 200));
        Array.ForEach(readers, reader => reader.Dispose());
        await Task.WhenAll(consumers).WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken);

        [AsyncMethodBuilder(typeof(AsyncTaskMethodBuilder))]
        async Task ConsumeAsync(SubscriptionReader reader, int index)
        {
            while (!reader.Subscription.IsEnded)
            {
                while (reader.TryRead())
                {
                    marks[index] = (Environment.CurrentManagedThreadId, GC.GetAllocatedBytesForCurrentThread());
                    Volatile.Write(ref received[index], received[index] + 1);
                }

                await reader.WaitAsync();
            }
        }
    }

    [Fact]
    public async Task Log_that_does_not_answer_delays_the_opening_and_is_told_once()
    {
        _log.IsUnreachable = true;
        using SubscriptionReader reader = _node.Subscribe("a");
        await Eventually.TrueAsync(() => _node.Logs.GetSnapshot().Any(entry => entry.Message.Contains("cannot be reached", StringComparison.Ordinal)));
        await Task.Delay(1200, TestContext.Current.CancellationToken);
        Assert.False(reader.TryRead());
        Assert.Null(reader.Subscription.FindPosition());
        _log.IsUnreachable = false;
        await reader.NextAsync();
        await _node.PublishAsync("a", "1");
        Assert.Equal("1", await reader.DataAsync());
        Assert.Single(_node.Logs.GetSnapshot(), entry => entry.Message.Contains("cannot be reached", StringComparison.Ordinal));
        Assert.Single(_node.Logs.GetSnapshot(), entry => entry.Message.Contains("can be reached again, after", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Log_that_takes_no_events_while_it_is_read_is_told_once()
    {
        await using var other = new TopicNode(_log);
        var time = new ManualTimeProvider();
        await using var node = new TopicNode(new FaultyLog(_log) { OnAppend = (_, _) => throw new EventLogUnavailableException() }, time: time);
        using SubscriptionReader reader = node.Subscribe("a");
        await reader.NextAsync();
        Task<string> publish = node.PublishAsync("a", "lost");
        while (!publish.IsCompleted)
        {
            await other.PublishAsync("a", "1");
            Assert.Equal("1", await reader.DataAsync());
            time.Advance(TimeSpan.FromMilliseconds(50));
        }

        await Assert.ThrowsAsync<EventLogUnavailableException>(() => publish);
        Assert.Contains("takes no events", Assert.Single(node.Logs.GetSnapshot()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Log_is_followed_only_while_there_are_subscribers()
    {
        SubscriptionReader reader = _node.Subscribe("a");
        await reader.NextAsync();
        await Eventually.TrueAsync(() => _log.Reads == 1);
        reader.Dispose();
        Assert.True(reader.Subscription.IsEnded);
        int reads = _log.Reads;
        await _node.PublishAsync("a", "1");
        await Task.Delay(50, TestContext.Current.CancellationToken);
        Assert.Equal(reads, _log.Reads);
        using SubscriptionReader again = _node.Subscribe("a");
        await again.NextAsync();
        await _node.PublishAsync("a", "2");
        Assert.Equal("2", await again.DataAsync());
    }

    [Fact]
    public async Task End_of_the_host_ends_subscriptions()
    {
        SubscriptionReader reader = _node.Subscribe("a");
        await reader.NextAsync();
        await _node.Hub.DisposeAsync();
        await reader.WaitAsync().AsTask().WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken);
        Assert.True(reader.Subscription.IsEnded);
        Assert.True(_node.Subscribe("a").Subscription.IsEnded);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a//b")]
    public void Wrong_topic_is_refused(string topic) => Assert.Throws<ArgumentException>(() => _node.Subscribe(topic));

    [Fact]
    public async Task Return_reads_no_log_while_the_ring_has_the_events_however_many_there_are()
    {
        const int Events = 3000;
        var log = new FaultyLog(new MemoryEventLog(new TopicOptions(), TimeProvider.System));
        await using var node = new TopicNode(log);
        using SubscriptionReader first = node.Subscribe("a");
        await first.NextAsync();
        List<string> ids = [];
        for (int number = 0; number < Events; number++)
        {
            ids.Add(await node.PublishAsync("a", $"{number}"));
            Assert.Equal($"{number}", await first.DataAsync());
        }

        int reads = log.Reads;
        using SubscriptionReader back = node.Subscribe("a", ids[10]);
        Assert.StartsWith("event: position", await back.NextAsync(), StringComparison.Ordinal);
        Assert.Equal(Enumerable.Range(11, Events - 11).Select(number => $"{number}"), await back.DataAsync(Events - 11));
        Assert.Equal(reads, log.Reads);
    }
}
