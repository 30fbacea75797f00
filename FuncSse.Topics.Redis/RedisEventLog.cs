using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace FuncSse.Topics.Redis;

/// <summary>The log in one stream of Redis.</summary>
internal sealed class RedisEventLog : IEventLog, IAsyncDisposable
{
    // Redis serves nobody else while it reads.
    private const int MaxReadBytes = 256 * 1024;

    private static readonly TimeSpan s_trimInterval = TimeSpan.FromSeconds(30);

    private readonly RedisConnection _connection;
    private readonly RedisFeed _feed;
    private readonly TopicOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly string _writer = RandomNumberGenerator.GetHexString(12, lowercase: true);
    private readonly Lock _gate = new();

    // The topics whose value this process has written last: they need no question whether they may have one.
    private readonly ConcurrentDictionary<string, bool> _retained = new(StringComparer.Ordinal);
    private Tuple<TimeSpan, long>? _oldest;
    private Task _trim = Task.CompletedTask;
    private long? _lastTrim;
    private bool _hasTrimFailed;
    private bool _isPublishRefused;
    private long _appendedSinceTrim;

    /// <summary>Creates the log.</summary>
    /// <param name="options">Name, configuration, retention and size.</param>
    /// <param name="configure">Completes the configuration; may be <see langword="null"/>.</param>
    /// <param name="time">For pauses and elapsed times; never for dates.</param>
    /// <param name="logger">Told of an eviction policy that would delete events.</param>
    /// <param name="identity">Signs in; <see langword="null"/> if the configuration is enough.</param>
    public RedisEventLog(
        TopicOptions options, Func<ConfigurationOptions, Task>? configure, TimeProvider time, ILogger logger, RedisIdentity? identity = null)
    {
        (_options, _time, _logger, _feed) = (options, time, logger, new RedisFeed(time));
        _connection = new RedisConnection(options.Redis!, configure, identity, options.Name, _feed, logger);
    }

    public TimeSpan? OldestAge => Volatile.Read(ref _oldest) is { } oldest ? oldest.Item1 + _time.GetElapsedTime(oldest.Item2) : null;

    public Task<LogPosition> GetEndAsync(CancellationToken cancellationToken) => LocateAsync(RedisScripts.End, cancellationToken);

    public Task<LogPosition> GetEarliestAsync(CancellationToken cancellationToken) => LocateAsync(RedisScripts.Earliest, cancellationToken);

    public async Task<LogPage> ReadAsync(LogPosition after, int maxBytes, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(after);
        if (_feed.Take(after, maxBytes) is { Count: > 0 } pushed)
        {
            return new LogPage(PositionState.Known, pushed, pushed[^1].End, _feed.HasMore(pushed[^1].End));
        }

        RedisResult[] answer = await EvaluateAsync(
            RedisScripts.Read, cancellationToken, after.Epoch, RedisEntry.Format(after), RedisEntry.Id(after), Math.Min(maxBytes, MaxReadBytes));
        LogPosition last = RedisEntry.Parse((string)answer[0]!, (string)answer[1]!);
        LogPosition next = after;
        var records = new List<LogRecord>();
        for (int index = 3; index < answer.Length; index += 3)
        {
            int begin = records.Count;
            RedisEntry.Split(after.Epoch, (string)answer[index]!, (byte[])answer[index + 2]!, records);
            if (!RedisEntry.TryParse(after.Epoch, (string)answer[index + 1]!, out LogPosition? before) || before != next)
            {
                // The position is in this entry, which is then the first one, or what precedes the entry is missing.
                int own = begin == 0 ? records.FindIndex(record => record.End == after) : -1;
                records.RemoveRange(begin, own < 0 ? records.Count - begin : own + 1);
                if (own < 0)
                {
                    break;
                }
            }

            next = records.Count > 0 ? records[^1].End : next;
        }

        if (records.Count == 0 && last != after)
        {
            bool isTrimmed = last.Epoch == after.Epoch && (int)answer[2] == 0 && last.IsAfter(after);
            return new LogPage(isTrimmed ? PositionState.Expired : PositionState.Unknown, [], after);
        }

        return new LogPage(PositionState.Known, records, next, HasMore: next != last);
    }

    public async Task WaitAsync(LogPosition after, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(after);
        KeepUp(0, isRefused: false);
        if (!await _connection.SubscribeAsync(cancellationToken))
        {
            await _feed.WaitAsync(after, cancellationToken);
        }
    }

    public async Task<IReadOnlyList<LogPosition>> AppendAsync(IReadOnlyList<NumberedRecord> records, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(records);
        List<(int Count, byte[] Lines)> entries = RedisEntry.Join(records);
        var arguments = new List<RedisValue>(4 + (3 * entries.Count))
        {
            _writer, (long)(_options.ValueLifetime?.TotalMilliseconds ?? 0), records[0].Number, records[^1].Number,
        };
        int begin = 0;
        foreach ((int count, byte[] lines) in entries)
        {
            arguments.AddRange("", RedisEntry.Suffix(count - 1, records[begin + count - 1].Line.Span), lines);
            for (int index = 0; index < count; index++, begin++)
            {
                if (records[begin] is { RetainedTopic: { } topic } record)
                {
                    arguments.AddRange((record.Clears ? '-' : '+') + topic, RedisEntry.Suffix(index, record.Line.Span), record.Line);
                }
            }
        }

        RedisResult[] answer;
        try
        {
            answer = await EvaluateAsync(RedisScripts.Append, cancellationToken, [.. arguments]);
        }
        catch (EventLogUnavailableException exception) when (exception.InnerException is RedisServerException)
        {
            KeepUp(0, isRefused: true); // The memory may be full of events that are past retention.
            throw;
        }

        List<LogPosition> ends = FindEnds(records, entries, answer);
        if (ends.Count != records.Count)
        {
            throw new EventLogUnavailableException("Redis no longer has what was just appended.");
        }

        NoteRetained(records);
        string refusal = (string?)answer[1] ?? "";
        if (refusal.Length > 0 && !_isPublishRefused)
        {
            _isPublishRefused = true;
            RedisLogMessages.NotPublished(_logger, _options.Name, RedisFeed.LongestPause, refusal);
        }

        if (refusal.Length > 0 || !_connection.IsPushed)
        {
            _feed.Announce(ends[^1]);
        }

        KeepUp(records.Sum(record => (long)record.Line.Length), isRefused: false);
        return ends;
    }

    public async Task<IReadOnlyList<RetainedValue>?> ReadValuesAsync(TopicSet topics, int max, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(topics);
        RedisResult answer = await _connection.EvaluateAsync(
            RedisScripts.Values, ["", max, .. topics.Topics.Select(topic => (RedisValue)topic)], cancellationToken);
        if (answer.IsNull)
        {
            return null;
        }

        var found = (RedisResult[])answer!;
        var values = new RetainedValue[found.Length / 2];
        for (int index = 0; index < values.Length; index++)
        {
            ReadOnlyMemory<byte> value = (byte[])found[(2 * index) + 1]!;
            int afterEpoch = value.Span.IndexOf((byte)' ');
            int afterPosition = afterEpoch + 1 + value.Span[(afterEpoch + 1)..].IndexOf((byte)' ');
            string epoch = Encoding.ASCII.GetString(value.Span[..afterEpoch]);
            bool isKnown = RedisEntry.TryParse(epoch, Encoding.ASCII.GetString(value.Span[(afterEpoch + 1)..afterPosition]), out LogPosition? end);
            values[index] = new RetainedValue((string)found[2 * index]!, value[(afterPosition + 1)..], isKnown ? end : null);
        }

        return values;
    }

    public async Task<int> FindRoomAsync(string topic, CancellationToken cancellationToken)
    {
        if (_retained.ContainsKey(topic))
        {
            return int.MaxValue;
        }

        var values = (int)(await EvaluateAsync(RedisScripts.CountValues, cancellationToken, topic))[0];
        return values < 0 ? int.MaxValue : _options.MaxRetained - values;
    }

    public async ValueTask DisposeAsync()
    {
        await _connection.DisposeAsync();
        await _trim.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // The app's logger may have thrown in it.
    }

    private void NoteRetained(IReadOnlyList<NumberedRecord> records)
    {
        foreach (NumberedRecord record in records)
        {
            if (record.RetainedTopic is { } topic)
            {
                _ = record.Clears || _options.ValueLifetime is not null ? _retained.TryRemove(topic, out _) : _retained.TryAdd(topic, true);
            }
        }
    }

    // The ends of the records that the log has. Others may be among those of an append that is repeated.
    private static List<LogPosition> FindEnds(IReadOnlyList<NumberedRecord> records, List<(int Count, byte[] Lines)> entries, RedisResult[] answer)
    {
        var landed = new List<LogRecord>();
        bool isRepeated = answer[1].IsNull;
        for (int index = 2; index < answer.Length; index += isRepeated ? 2 : 1)
        {
            byte[] lines = isRepeated ? (byte[])answer[index + 1]! : entries[index - 2].Lines;
            RedisEntry.Split((string)answer[0]!, (string)answer[index]!, lines, landed);
        }

        var ends = new List<LogPosition>(records.Count);
        foreach (LogRecord record in landed)
        {
            if (ends.Count < records.Count && record.Line.Span.SequenceEqual(records[ends.Count].Line.Span))
            {
                ends.Add(record.End);
            }
        }

        return ends;
    }

    private async Task<LogPosition> LocateAsync(string script, CancellationToken cancellationToken)
    {
        RedisResult[] answer = await EvaluateAsync(script, cancellationToken);
        return RedisEntry.Parse((string)answer[0]!, (string)answer[1]!);
    }

    private async Task<RedisResult[]> EvaluateAsync(string script, CancellationToken cancellationToken, params RedisValue[] arguments)
    {
        RedisResult answer = await _connection.EvaluateAsync(script, [LogPosition.NewEpoch(), .. arguments], cancellationToken);
        return answer.IsNull ? [] : answer.Length >= 0 ? (RedisResult[])answer! : [answer];
    }

    // Trims now and then, after each sixteenth of the size that is kept, and when Redis takes no more. It trims by age, even if nothing is appended
    // any more, and by size. It runs in the background, because the caller must not wait for it.
    private void KeepUp(long appended, bool isRefused)
    {
        lock (_gate)
        {
            _appendedSinceTrim += appended;
            bool isDue = isRefused || _lastTrim is not { } last || _time.GetElapsedTime(last) >= s_trimInterval
                || _appendedSinceTrim >= _options.MaxLogSize / 16;
            if (isDue && _trim.IsCompleted)
            {
                (_lastTrim, _appendedSinceTrim) = (_time.GetTimestamp(), 0);
                _trim = Task.Run(TrimAsync);
            }
        }
    }

    private async Task TrimAsync()
    {
        try
        {
            RedisResult[] age = await EvaluateAsync(
                RedisScripts.Trim, CancellationToken.None, (long)_options.Retention.TotalMilliseconds, _options.MaxLogSize);
            Volatile.Write(ref _oldest, age.Length > 0 ? Tuple.Create(TimeSpan.FromMilliseconds((long)age[0]), _time.GetTimestamp()) : null);
            _hasTrimFailed = false;
        }
        catch (Exception exception) when (exception is EventLogUnavailableException or ObjectDisposedException)
        {
            // Other code reports that Redis does not answer.
            if (exception.InnerException is RedisServerException && !_hasTrimFailed)
            {
                _hasTrimFailed = true;
                RedisLogMessages.NotTrimmed(_logger, s_trimInterval, exception);
            }
        }
    }
}
