using System.Runtime.CompilerServices;

namespace FuncSse.Topics;

/// <summary>
/// The log of the recorded streams, apart from that of the topics: its own writer, which gathers the events of all streams for a moment, and its own hub.
/// Each stream has two topics, since its producer reads back only the second: <c>d/name</c> for its events, and <c>c/name</c> for its start, stop and end.
/// The start and the end are retained, so that a name leads to its stream.
/// </summary>
internal sealed class RecordingLog : IAsyncDisposable
{
    /// <summary>How long events wait for others, so that a process appends at most 20 times a second.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(50);

    private readonly IEventLog _log;
    private readonly EventLogWriter _writer;
    private readonly TopicHub _hub;
    private readonly TopicReader _reader;

    public RecordingLog(IEventLog log, TopicOptions options, TopicMetrics metrics, TimeProvider time)
    {
        _log = log;
        _writer = new EventLogWriter(log, metrics, time, Interval);
        _hub = new TopicHub(log, options, new Revocations(log, options, time), metrics, time);
        _reader = new TopicReader(_hub);
    }

    /// <summary>Whether the log cannot be reached.</summary>
    public bool IsUnreachable => _hub.IsLogUnreachable;

    /// <summary>The options of this log, as the app's options have it.</summary>
    public static TopicOptions OptionsOf(TopicOptions options)
    {
        const int MaxName = 63 - 5;
        string name = options.Name.Length <= MaxName ? options.Name : options.Name[..MaxName].TrimEnd('-');
        return options.WithValuesThatExpire($"{name}-runs");
    }

    /// <summary>
    /// The end of the log, as the log has it and not as far as this process has read it: a stop that was acknowledged before a start does not count.
    /// </summary>
    /// <exception cref="EventLogUnavailableException">The log cannot be reached.</exception>
    public Task<LogPosition> FindEndAsync(CancellationToken cancellationToken) => _log.GetEndAsync(cancellationToken);

    /// <summary>Whether what the log had up to this position has been passed on.</summary>
    public bool HasRead(LogPosition end) => _hub.OfferedUpTo is { } offered && offered.Epoch == end.Epoch && !end.IsAfter(offered);

    /// <summary>The newest start or end of a name; <see langword="null"/> if the log has none.</summary>
    public async Task<RecordingEntry?> FindAsync(string name)
    {
        IReadOnlyList<RetainedValue>? values = await _hub.Values.ReadAsync(new TopicSet([Control(name)]));
        return values is [{ } value] && EventRecord.Decode(value.Line.Span, out EventRecord? record) == RecordKind.Event
            ? RecordingEntry.Decode(record!.Type, record.Data)
            : null;
    }

    /// <summary>Appends an entry, and waits until the log has it.</summary>
    /// <exception cref="EventLogUnavailableException">The log did not take it.</exception>
    public Task AppendAsync(string name, RecordingEntry entry, CancellationToken cancellationToken = default) => _writer.AppendAsync(
        entry.Kind is RecordingEntry.EventsKind or RecordingEntry.AliveKind ? Data(name) : Control(name),
        entry.Kind,
        entry.Encode(),
        retain: entry.Kind is RecordingEntry.StartKind or RecordingEntry.EndKind,
        cancellationToken);

    /// <summary>Reads the entries of a name after a position, and goes on. A loss is <see langword="null"/>.</summary>
    public async IAsyncEnumerable<RecordingEntry?> ReadAsync(
        string name, string from, bool withEvents, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string[] topics = withEvents ? [Control(name), Data(name)] : [Control(name)];
        await foreach (TopicMessage message in _reader.ReadAsync(topics, from, cancellationToken))
        {
            if (message.Kind == TopicMessageKind.Loss)
            {
                yield return null;
            }
            else if (message.Kind == TopicMessageKind.Event
                && RecordingEntry.Decode(message.Type, System.Text.Encoding.UTF8.GetBytes(message.Data)) is { } entry)
            {
                yield return entry;
            }
        }
    }

    public void BeginShutdown() => _writer.BeginShutdown();

    public async ValueTask DisposeAsync()
    {
        await _writer.DisposeAsync();
        await _hub.DisposeAsync();
    }

    private static string Control(string name) => $"c/{name}";

    private static string Data(string name) => $"d/{name}";
}
