using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace FuncSse.Topics.Redis;

/// <summary>The log in one stream of Redis.</summary>
internal sealed class RedisEventLog : IEventLog, IAsyncDisposable
{
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

        RedisResult[] answer = await EvaluateAsync(RedisScripts.Read, cancellationToken, after.Epoch, WithoutEpoch(after), maxBytes);
        LogPosition last = At((string)answer[0]!, (string)answer[1]!);
        var state = (int)answer[2];
        if (last.Epoch != after.Epoch || state != 2)
        {
            bool isTrimmed = last.Epoch == after.Epoch && state == 0 && last.IsAfter(after);
            return new LogPage(isTrimmed ? PositionState.Expired : PositionState.Unknown, [], after);
        }

        var records = new List<LogRecord>((answer.Length - 3) / 2);
        for (int index = 3; index < answer.Length; index += 2)
        {
            records.Add(new LogRecord((byte[])answer[index + 1]!, At(after.Epoch, (string)answer[index]!)));
        }

        LogPosition next = records.Count > 0 ? records[^1].End : after;
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
        var arguments = new List<RedisValue>(2 + (3 * records.Count))
        {
            _writer, (long)(_options.ValueLifetime?.TotalMilliseconds ?? 0),
        };
        foreach (NumberedRecord record in records)
        {
            arguments.Add(record.Number);
            arguments.Add(record.RetainedTopic is null ? "" : (record.Clears ? '-' : '+') + record.RetainedTopic);
            arguments.Add(record.Line);
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

        if (answer.Length != records.Count + 2)
        {
            throw new EventLogUnavailableException("Redis no longer has what was just appended.");
        }

        NoteRetained(records);
        LogPosition[] ends = [.. answer.Skip(2).Select(end => At((string)answer[0]!, (string)end!))];
        var refusal = (string)answer[1]!;
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
            string position = Encoding.ASCII.GetString(value.Span[..afterPosition]).Replace(' ', '-');
            values[index] = new RetainedValue(
                (string)found[2 * index]!, value[(afterPosition + 1)..], LogPosition.TryParse(position, out LogPosition? end) ? end : null);
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

    // A position as the scripts have it: without the epoch.
    private static string WithoutEpoch(LogPosition position) => position.ToString()[(position.Epoch.Length + 1)..];

    private static LogPosition At(string epoch, string id) =>
        LogPosition.TryParse($"{epoch}-{id}", out LogPosition? position)
            ? position
            : throw new EventLogUnavailableException($"Redis has '{epoch}-{id}' where a position belongs.");

    private async Task<LogPosition> LocateAsync(string script, CancellationToken cancellationToken)
    {
        RedisResult[] answer = await EvaluateAsync(script, cancellationToken);
        return At((string)answer[0]!, (string)answer[1]!);
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
