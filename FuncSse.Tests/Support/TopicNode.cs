using System.Diagnostics.Metrics;
using System.Text;
using FuncSse.Streaming;
using FuncSse.Topics;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Options;

namespace FuncSse.Tests.Topics;

/// <summary>What one process has of the topics: a writer, a hub and a publisher on a log.</summary>
internal sealed class TopicNode : IAsyncDisposable
{
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();

    public TopicNode(IEventLog log, TopicOptions? options = null, TimeProvider? time = null)
    {
        options ??= new TopicOptions();
        time ??= TimeProvider.System;
        using var loggers = new LoggerFactory([new FakeLoggerProvider(Logs)]);
        Log = log;
        Meters = _services.GetRequiredService<IMeterFactory>();
        Metrics = new TopicMetrics(log, Meters, time, loggers.CreateLogger<TopicMetrics>());
        Writer = new EventLogWriter(log, Metrics, time);
        Revocations = new Revocations(log, options, time);
        Hub = new TopicHub(log, options, Revocations, Metrics, time);
        Publisher = new TopicPublisher(log, Writer, options, Options.Create(new JsonOptions()));
        Tickets = new TopicTickets(options, Writer, Revocations, time);
    }

    public IEventLog Log { get; }

    public IMeterFactory Meters { get; }

    public TopicMetrics Metrics { get; }

    public EventLogWriter Writer { get; }

    public TopicHub Hub { get; }

    public Revocations Revocations { get; }

    public TopicTickets Tickets { get; }

    public ITopicPublisher Publisher { get; }

    public FakeLogCollector Logs { get; } = new();

    public Task<string> PublishAsync(string topic, string data, string? type = null, bool retain = false) =>
        Publisher.PublishAsync(topic, data, type, TestContext.Current.CancellationToken, retain).WaitAsync(Limit);

    public SubscriptionReader Subscribe(string topic, string? lastEventId = null)
    {
        var topics = new TopicSet(topic.Split(' '));
        var signal = new SseSignal();
        return new SubscriptionReader(Hub.Subscribe(topics, lastEventId, signal), signal, (id, own) => Hub.Subscribe(topics, id ?? lastEventId, own));
    }

    /// <summary>Reads from a position to the end: each event as its id and its data.</summary>
    public async Task<IReadOnlyList<(string Id, string Data)>> ReadAsync(string from, int pageSize = 256 * 1024)
    {
        Assert.True(LogPosition.TryParse(from, out LogPosition? position));
        var events = new List<(string Id, string Data)>();
        while (true)
        {
            LogPage page = await Log.ReadAsync(position, pageSize, TestContext.Current.CancellationToken).WaitAsync(Limit);
            Assert.Equal(PositionState.Known, page.State);
            if (page.Next == position)
            {
                return events;
            }

            foreach (LogRecord line in page.Records)
            {
                RecordKind kind = EventRecord.Decode(line.Line.Span, out EventRecord? record);
                if (record is null)
                {
                    Metrics.Skipped(line.End, kind);
                }
                else
                {
                    events.Add((line.End.ToString(), Encoding.UTF8.GetString(record.Data.Span)));
                }
            }

            position = page.Next;
        }
    }

    public async Task<string> EarliestAsync() =>
        (await Log.GetEarliestAsync(TestContext.Current.CancellationToken).WaitAsync(Limit)).ToString();

    public async Task<PositionState> StateAsync(string position)
    {
        Assert.True(LogPosition.TryParse(position, out LogPosition? parsed));
        return (await Log.ReadAsync(parsed, 1024, TestContext.Current.CancellationToken).WaitAsync(Limit)).State;
    }

    public Task<IReadOnlyList<LogPosition>> AppendAsync(NumberedRecord[] records) =>
        Log.AppendAsync(records, TestContext.Current.CancellationToken).WaitAsync(Limit);

    /// <summary>A record as a writer makes it.</summary>
    public static NumberedRecord Record(long number, string data) =>
        new(number, new EventRecord("t", null, DateTimeOffset.UnixEpoch, Encoding.UTF8.GetBytes(data)).Encode());

    public static string Data(ReadOnlyMemory<byte> frame)
    {
        string text = Encoding.UTF8.GetString(frame.Span);
        return text[(text.IndexOf("data: ", StringComparison.Ordinal) + 6)..text.LastIndexOf("\nid: ", StringComparison.Ordinal)];
    }

    public async ValueTask DisposeAsync()
    {
        await Writer.DisposeAsync().AsTask().WaitAsync(Limit);
        await Hub.DisposeAsync().AsTask().WaitAsync(Limit);
        await _services.DisposeAsync();
    }
}
