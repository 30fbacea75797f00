namespace FuncSse.Topics;

/// <summary>
/// The log in the memory of one process: for development, tests and apps of one instance. Its epoch is new with each process. It is bounded
/// by <see cref="TopicOptions.Retention"/>, by <see cref="TopicOptions.MaxLogSize"/> (256 MB at most) and by a million events.
/// </summary>
/// <param name="options">The bounds.</param>
/// <param name="time">Measures the retention.</param>
public sealed class MemoryEventLog(TopicOptions options, TimeProvider time) : IEventLog
{
    internal const int MaxRecords = 1_000_000;

    private const long MaxBytes = 256L << 20;
    private const int Overhead = 160;

    private readonly long _maxBytes = Math.Min(options.MaxLogSize, MaxBytes);
    private readonly string _epoch = LogPosition.NewEpoch();
    private readonly Lock _gate = new();
    private readonly List<(LogRecord Record, long Appended)> _records = [];
    private TaskCompletionSource _appended = NewSignal();
    private int _gone; // How many at the front of the list are no longer kept.
    private long _end;
    private long _bytes;

    private long Kept => _records.Count - _gone;

    /// <inheritdoc/>
    public TimeSpan? OldestAge
    {
        get
        {
            lock (_gate)
            {
                return Kept > 0 ? time.GetElapsedTime(_records[_gone].Appended) : null;
            }
        }
    }

    /// <inheritdoc/>
    public Task<LogPosition> GetEndAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            return Task.FromResult(At(_end));
        }
    }

    /// <inheritdoc/>
    public Task<LogPosition> GetEarliestAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            Trim();
            return Task.FromResult(At(_end - Kept));
        }
    }

    /// <inheritdoc/>
    public Task<LogPage> ReadAsync(LogPosition after, int maxBytes, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(after);
        lock (_gate)
        {
            Trim();
            if (after.Epoch != _epoch || after.Segment != 0 || after.Offset > _end)
            {
                return Task.FromResult(new LogPage(PositionState.Unknown, [], after));
            }

            long earliest = _end - Kept;
            if (after.Offset < earliest)
            {
                return Task.FromResult(new LogPage(PositionState.Expired, [], after));
            }

            var records = new List<LogRecord>();
            for (int index = _gone + (int)(after.Offset - earliest); index < _records.Count && maxBytes > 0; index++)
            {
                records.Add(_records[index].Record);
                maxBytes -= _records[index].Record.Line.Length;
            }

            LogPosition next = records.Count > 0 ? records[^1].End : after;
            return Task.FromResult(new LogPage(PositionState.Known, records, next, HasMore: next.Offset < _end));
        }
    }

    /// <inheritdoc/>
    public Task WaitAsync(LogPosition after, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(after);
        lock (_gate)
        {
            return after.Offset == _end ? _appended.Task.WaitAsync(cancellationToken) : Task.CompletedTask;
        }
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<LogPosition>?> AppendAsync(
        string epoch, IReadOnlyList<ReadOnlyMemory<byte>> records, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(records);
        if (epoch != _epoch)
        {
            return Task.FromResult<IReadOnlyList<LogPosition>?>(null);
        }

        TaskCompletionSource appended;
        var ends = new LogPosition[records.Count];
        lock (_gate)
        {
            for (int index = 0; index < ends.Length; index++)
            {
                ends[index] = At(++_end);
                _records.Add((new LogRecord(records[index], ends[index]), time.GetTimestamp()));
                _bytes += records[index].Length + Overhead;
            }

            Trim();
            (appended, _appended) = (_appended, NewSignal());
        }

        appended.SetResult();
        return Task.FromResult<IReadOnlyList<LogPosition>?>(ends);
    }

    private LogPosition At(long offset) => new(_epoch, 0, offset);

    private void Trim()
    {
        while (Kept > 0 && (_bytes > _maxBytes || Kept > MaxRecords || time.GetElapsedTime(_records[_gone].Appended) > options.Retention))
        {
            _bytes -= _records[_gone].Record.Line.Length + Overhead;
            _records[_gone++] = default;
        }

        if (_gone > 1024 && _gone > _records.Count / 2)
        {
            _records.RemoveRange(0, _gone);
            _gone = 0;
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
