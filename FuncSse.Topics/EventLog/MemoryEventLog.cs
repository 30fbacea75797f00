namespace FuncSse.Topics;

/// <summary>
/// The log in the memory of one process: for development, tests and apps with one instance. Its epoch is new with each process. It is bounded by
/// <see cref="TopicOptions.Retention"/>, by <see cref="TopicOptions.MaxLogSize"/> (256 MB at most) and by a million events.
/// </summary>
public sealed class MemoryEventLog : IEventLog
{
    internal const int MaxRecords = 1_000_000;

    private const long MaxBytes = 256L << 20;
    private const int Overhead = 80; // Of an array, and of a place in a list that has grown.

    private readonly long _maxBytes;
    private readonly TimeSpan _retention;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private readonly List<(ReadOnlyMemory<byte> Line, long Appended)> _records = []; // Without positions, of which a million would cost the collector time.
    private readonly Dictionary<long, LogPosition> _lastAppend = [];
    private readonly MemoryValues _values;
    private TaskCompletionSource? _appended; // If somebody waits.
    private LogPosition _end = new(LogPosition.NewEpoch(), 0, 0);
    private LogPosition _earliest;
    private int _removed; // How many at the front of the list are no longer kept.
    private long _bytes;

    /// <summary>Creates the log.</summary>
    /// <param name="options">The bounds.</param>
    /// <param name="time">Measures the retention.</param>
    public MemoryEventLog(TopicOptions options, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(options);
        (_maxBytes, _retention, _time) = (Math.Min(options.MaxLogSize, MaxBytes), options.Retention, time);
        _values = new MemoryValues(options, time);
        _earliest = _end;
    }

    /// <inheritdoc/>
    public TimeSpan? OldestAge
    {
        get
        {
            lock (_gate)
            {
                return Kept > 0 ? _time.GetElapsedTime(_records[_removed].Appended) : null;
            }
        }
    }

    private int Kept => _records.Count - _removed;

    /// <inheritdoc/>
    public Task<LogPosition> GetEndAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            return Task.FromResult(_end);
        }
    }

    /// <inheritdoc/>
    public Task<LogPosition> GetEarliestAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            Trim();
            return Task.FromResult(_earliest);
        }
    }

    /// <inheritdoc/>
    public Task<LogPage> ReadAsync(LogPosition after, int maxBytes, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(after);
        lock (_gate)
        {
            Trim();
            if (after.Epoch != _end.Epoch || after.Segment != 0 || after.Offset > _end.Offset)
            {
                return Task.FromResult(new LogPage(PositionState.Unknown, [], after));
            }

            if (after.Offset < _earliest.Offset)
            {
                return Task.FromResult(new LogPage(PositionState.Expired, [], after));
            }

            int first = _removed + (int)(after.Offset - _earliest.Offset);
            if (after != (first == _removed ? _earliest : EndOf(first - 1)))
            {
                return Task.FromResult(new LogPage(PositionState.Unknown, [], after));
            }

            var records = new List<LogRecord>();
            for (int index = first; index < _records.Count && maxBytes > 0; index++)
            {
                records.Add(new LogRecord(_records[index].Line, EndOf(index)));
                maxBytes -= _records[index].Line.Length;
            }

            LogPosition next = records.Count > 0 ? records[^1].End : after;
            return Task.FromResult(new LogPage(PositionState.Known, records, next, HasMore: next != _end));
        }
    }

    /// <inheritdoc/>
    public Task WaitAsync(LogPosition after, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(after);
        lock (_gate)
        {
            return after == _end
                ? (_appended ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task.WaitAsync(cancellationToken)
                : Task.CompletedTask;
        }
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<LogPosition>> AppendAsync(IReadOnlyList<NumberedRecord> records, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(records);
        TaskCompletionSource? appended;
        var ends = new LogPosition[records.Count];
        lock (_gate)
        {
            // An append lands whole, and its records can come again only with the next one.
            if (records.Count == 0 || _lastAppend.ContainsKey(records[0].Number))
            {
                return Task.FromResult<IReadOnlyList<LogPosition>>([.. records.Select(record => _lastAppend[record.Number])]);
            }

            _lastAppend.Clear();
            for (int index = 0; index < ends.Length; index++)
            {
                ReadOnlyMemory<byte> line = records[index].Line;
                _end = ends[index] = _end with { Offset = _end.Offset + 1, Mark = RecordMark.Of(line.Span) };
                _lastAppend.Add(records[index].Number, _end);
                _records.Add((line, _time.GetTimestamp()));
                _bytes += line.Length + Overhead;
                _values.Set(records[index], _end);
            }

            Trim();
            (appended, _appended) = (_appended, null);
        }

        appended?.SetResult();
        return Task.FromResult<IReadOnlyList<LogPosition>>(ends);
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<RetainedValue>?> ReadValuesAsync(TopicSet topics, int max, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            return Task.FromResult(_values.Read(topics, max));
        }
    }

    /// <inheritdoc/>
    public Task<int> FindRoomAsync(string topic, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            return Task.FromResult(_values.FindRoom(topic));
        }
    }

    private LogPosition EndOf(int index) =>
        _end with { Offset = _earliest.Offset + index - _removed + 1, Mark = RecordMark.Of(_records[index].Line.Span) };

    private void Trim()
    {
        while (Kept > 0 && (_bytes > _maxBytes || Kept > MaxRecords || _time.GetElapsedTime(_records[_removed].Appended) > _retention))
        {
            _earliest = EndOf(_removed);
            _bytes -= _records[_removed].Line.Length + Overhead;
            _records[_removed++] = default;
        }

        if (_removed > 1024 && _removed > _records.Count / 2)
        {
            _records.RemoveRange(0, _removed);
            _removed = 0;
        }
    }
}
