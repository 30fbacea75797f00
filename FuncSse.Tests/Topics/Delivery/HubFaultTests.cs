using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using FuncSse.Streaming;
using FuncSse.Topics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FuncSse.Tests.Topics;

/// <summary>The hub when its log, or something of the app that it calls, goes wrong.</summary>
public sealed class HubFaultTests : IAsyncDisposable
{
    private readonly FaultyLog _log = new(new MemoryEventLog(new TopicOptions(), TimeProvider.System));
    private readonly TopicNode _node;

    public HubFaultTests() => _node = new TopicNode(_log);

    public ValueTask DisposeAsync() => _node.DisposeAsync();

    [Theory]
    [InlineData("Unknown", "unknown")]
    [InlineData("Expired", "expired")]
    public async Task Hub_that_lost_its_position_ends_its_subscriptions_which_are_told_when_they_return(string lost, string reason)
    {
        PositionState state = Enum.Parse<PositionState>(lost);
        string old = await _node.PublishAsync("a", "0");
        using SubscriptionReader reader = _node.Subscribe("a");
        using SubscriptionReader other = _node.Subscribe("b");
        await reader.NextAsync();
        await other.NextAsync();
        await Eventually.TrueAsync(() => _log.Reads > 0);
        _log.OnRead = (after, read) => after.ToString() == old ? Task.FromResult(new LogPage(state, [], after)) : read();
        string now = await _node.PublishAsync("a", "1");
        await Eventually.TrueAsync(() => reader.Subscription.IsEnded && other.Subscription.IsEnded);
        Assert.False(reader.TryRead());
        Assert.Contains($"({reason})", Assert.Single(_node.Logs.GetSnapshot()).Message, StringComparison.Ordinal);

        using SubscriptionReader back = _node.Subscribe("a", old);
        Assert.Equal($"event: reset\ndata: {{\"reason\":\"{reason}\"}}\n\nevent: position\ndata: {{}}\nid: {now}\n\n", await back.NextAsync());
        await _node.PublishAsync("a", "2");
        Assert.Equal("2", await back.DataAsync());
    }

    [Fact]
    public async Task Stream_whose_hub_lost_its_position_ends_cleanly_and_says_when_to_come_back()
    {
        await using TopicServer server = await TopicServer.StartAsync([], add: services => services.AddSingleton<IEventLog>(_log));
        using TopicClient client = await server.OpenAsync("topics/a");
        await client.FrameAsync();
        string old = SubscriptionReader.Id(await client.FrameAsync());
        _log.OnRead = (after, read) => after.ToString() == old ? Task.FromResult(new LogPage(PositionState.Unknown, [], after)) : read();
        await server.PublishAsync("a", "1");
        string[] rest = (await client.RestAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        int retry = int.Parse(Assert.Single(rest)["retry: ".Length..], CultureInfo.InvariantCulture);
        Assert.InRange(retry, 1000, 5000);
    }

    [Fact]
    public async Task Keep_alive_does_not_move_a_client_past_a_loss_that_it_was_not_told_of()
    {
        using SubscriptionReader reader = _node.Subscribe("a", "unknown");
        await Eventually.TrueAsync(() => _node.Hub.Ring.Head is not null);
        await reader.WaitAsync().AsTask().WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken);
        Assert.Null(reader.Subscription.FindPosition());
        Assert.StartsWith("event: reset\n", await reader.NextAsync(), StringComparison.Ordinal);
        Assert.NotNull(reader.Subscription.FindPosition());
    }

    [Fact]
    public async Task Hub_and_pages_are_not_read_in_the_context_of_a_subscriber()
    {
        string first = await _node.PublishAsync("a", "1");
        await _node.PublishAsync("a", "2");
        var user = new AsyncLocal<string?>();
        var seen = new ConcurrentBag<(string After, string? User)>();
        _log.OnRead = (after, read) =>
        {
            seen.Add((after.ToString(), user.Value));
            return read();
        };
        user.Value = "someone";
        using SubscriptionReader reader = _node.Subscribe("a", first);
        await reader.NextAsync();
        Assert.Equal("2", await reader.DataAsync());
        await _node.PublishAsync("a", "3");
        Assert.Equal("3", await reader.DataAsync());
        Assert.All(seen, read => Assert.Null(read.User));
        Assert.Equal(2, seen.Select(read => read.After == first).Distinct().Count()); // A page was read, and so was the hub's end of the log.
    }

    [Fact]
    public async Task Loggers_and_listeners_that_throw_end_nothing()
    {
        using ServiceProvider services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        IMeterFactory meters = services.GetRequiredService<IMeterFactory>();
        int thrown = 0;
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, own) =>
        {
            if (instrument.Meter.Scope == meters)
            {
                own.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((_, _, _, _) => Throw());
        listener.SetMeasurementEventCallback<double>((_, _, _, _) => Throw());
        listener.Start();
        using var loggers = new LoggerFactory([new ThrowingProvider(Throw)]);
        var options = new TopicOptions { RingSize = 64 * 1024 };
        var metrics = new TopicMetrics(_log, meters, TimeProvider.System, loggers.CreateLogger<TopicMetrics>());
        await using var hub = new TopicHub(_log, options, new Revocations(_log, options, TimeProvider.System), metrics, TimeProvider.System);
        await using var writer = new EventLogWriter(_log, metrics, TimeProvider.System);
        var publisher = new TopicPublisher(_log, writer, options, Options.Create(new Microsoft.AspNetCore.Http.Json.JsonOptions()));
        _log.IsUnreachable = true;
        var signal = new SseSignal();
        using var live = new SubscriptionReader(hub.Subscribe(new TopicSet(["a"]), null, signal), signal);
        await Eventually.TrueAsync(() => hub.IsLogUnreachable);
        _log.IsUnreachable = false;
        await live.NextAsync();
        await _node.AppendAsync([new NumberedRecord(100, "damaged"u8.ToArray())]);
        string first = await publisher.PublishAsync("a", "1", cancellationToken: TestContext.Current.CancellationToken).WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken);
        Assert.Equal("1", await live.DataAsync());
        var secondSignal = new SseSignal();
        using var reset = new SubscriptionReader(hub.Subscribe(new TopicSet(["a"]), "unknown", secondSignal), secondSignal);
        Assert.StartsWith("event: reset\n", await reset.NextAsync(), StringComparison.Ordinal);
        for (int number = 0; number < 200; number++)
        {
            await publisher.PublishAsync("a", new string('x', 1000), cancellationToken: TestContext.Current.CancellationToken).WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken);
        }

        var thirdSignal = new SseSignal();
        using var late = new SubscriptionReader(hub.Subscribe(new TopicSet(["a"]), first, thirdSignal), thirdSignal);
        await late.NextAsync();
        Assert.Equal(200, (await late.DataAsync(200)).Count);
        Assert.Equal(200, (await live.DataAsync(200)).Count);
        Assert.True(thrown > 400);

        void Throw()
        {
            Interlocked.Increment(ref thrown);
            throw new InvalidOperationException("no");
        }
    }

    private sealed class ThrowingProvider(Action fail) : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => fail();

        public void Dispose()
        {
        }
    }
}
