using System.Text;

namespace FuncSse.Topics.Redis;

/// <summary>
/// What Redis pushes: each append with its records, or with its end alone if the records are large. Each message names the position of the
/// record before it, so a reader takes what follows its own position from here, and reads the log only where a message is missing.
/// </summary>
/// <remarks>
/// Messages may be lost, so a reader also looks by itself: every second just after the connection has changed, and every five seconds otherwise.
/// </remarks>
/// <param name="time">The clock.</param>
internal sealed class RedisFeed(TimeProvider time)
{
    /// <summary>How late an event can be if its message was lost.</summary>
    internal static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(1);

    // Between two waits a reader delivers what it has, and must not look as if it had stopped.
    private static readonly TimeSpan s_abandoned = TimeSpan.FromSeconds(10);

    // What is not taken is not needed: the reader has it from the log.
    private const int MaxBytes = 1 << 20;

    private readonly Lock _gate = new();
    private readonly Dictionary<LogPosition, (List<LogRecord> Records, int Bytes)> _pushed = [];
    private TaskCompletionSource _signal = NewSignal();
    private LogPosition? _newest;
    private LogPosition? _end; // The newest position that was told of, also after a reader has looked.
    private int _bytes;
    private int _readers;
    private long _lastRead = time.GetTimestamp();
    private long _lastChange = time.GetTimestamp();
    private int _changes;

    /// <summary>Whether a reader follows the log, or did a moment ago.</summary>
    public bool IsFollowed
    {
        get
        {
            lock (_gate)
            {
                return _readers > 0 || time.GetElapsedTime(_lastRead) < s_abandoned;
            }
        }
    }

    /// <summary>
    /// A message came: the epoch and the position of the last record; or the epoch, the position before the records, the id of their entry, and the
    /// records, a line each.
    /// </summary>
    /// <param name="message">The message. Another one than these is ignored.</param>
    public void Receive(ReadOnlyMemory<byte> message)
    {
        int begin = message.Span.IndexOf((byte)'\n') + 1;
        string[] head = Encoding.ASCII.GetString(message.Span[..(begin > 0 ? begin - 1 : message.Length)]).Split(' ');
        if (head.Length < 2 || !RedisEntry.TryParse(head[0], head[1], out LogPosition? before))
        {
            return;
        }

        if (head.Length == 2)
        {
            Announce(before);
            return;
        }

        if (begin == 0 || begin == message.Length || !RedisEntry.TryParse(head[0], $"{head[2]}-0", out _))
        {
            return;
        }

        var records = new List<LogRecord>();
        RedisEntry.Split(head[0], head[2], message[begin..], records);
        lock (_gate)
        {
            if (_bytes + message.Length > MaxBytes)
            {
                Clear();
            }

            // Of two messages with the same place before them, the later one counts: the log may have gone back.
            if (_pushed.Remove(before, out (List<LogRecord> Records, int Bytes) earlier))
            {
                _bytes -= earlier.Bytes;
            }

            _pushed.Add(before, (records, message.Length));
            _bytes += message.Length;
        }

        Announce(records[^1].End);
    }

    /// <summary>Takes the records that were pushed and follow a position; nothing if the next one is missing.</summary>
    /// <param name="after">The position.</param>
    /// <param name="maxBytes">About how many bytes to take.</param>
    public List<LogRecord> Take(LogPosition after, int maxBytes)
    {
        var records = new List<LogRecord>();
        lock (_gate)
        {
            for (int bytes = 0; bytes < maxBytes && _pushed.Remove(after, out (List<LogRecord> Records, int Bytes) next); after = records[^1].End)
            {
                records.AddRange(next.Records);
                bytes += next.Bytes;
                _bytes -= next.Bytes;
            }
        }

        return records;
    }

    /// <summary>Whether the log has records after a position, as far as messages tell. One of them may be missing, or have no records.</summary>
    public bool HasMore(LogPosition after)
    {
        lock (_gate)
        {
            return _end is { } end && end.Epoch == after.Epoch && end.IsAfter(after);
        }
    }

    /// <summary>The log has records up to here.</summary>
    public void Announce(LogPosition end)
    {
        TaskCompletionSource signal;
        lock (_gate)
        {
            if (_end?.Epoch != end.Epoch || end.IsAfter(_end))
            {
                _end = end;
            }

            if (_newest is { } newest && newest.Epoch == end.Epoch && !end.IsAfter(newest))
            {
                return;
            }

            _newest = end;
            (signal, _signal) = (_signal, NewSignal());
        }

        signal.SetResult();
    }

    /// <summary>The connection broke or is back: something may have been missed, and the log may have gone back.</summary>
    public void OnConnectionChanged()
    {
        TaskCompletionSource signal;
        lock (_gate)
        {
            Clear();
            _end = null;
            _changes++;
            _lastChange = time.GetTimestamp();
            (signal, _signal) = (_signal, NewSignal());
        }

        signal.SetResult();
    }

    /// <summary>Waits until there may be something after a position.</summary>
    public async Task WaitAsync(LogPosition after, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            _readers++;
        }

        try
        {
            await WaitForNewsAsync(after, cancellationToken);
        }
        finally
        {
            lock (_gate)
            {
                _readers--;
                _lastRead = time.GetTimestamp();
            }
        }
    }

    private async Task WaitForNewsAsync(LogPosition after, CancellationToken cancellationToken)
    {
        int? changes = null;
        while (true)
        {
            Task signal;
            TimeSpan pause;
            lock (_gate)
            {
                changes ??= _changes;
                if (changes != _changes || IsNews(after))
                {
                    return;
                }

                signal = _signal.Task;
                pause = time.GetElapsedTime(_lastChange) < LongestPause ? s_soon : LongestPause;
            }

            try
            {
                await signal.WaitAsync(pause, time, cancellationToken);
            }
            catch (TimeoutException)
            {
                return;
            }
        }
    }

    private bool IsNews(LogPosition after)
    {
        if (_newest is not { } newest || (newest.Epoch == after.Epoch && !newest.IsAfter(after)))
        {
            return false;
        }

        // One read is enough: it shows which of two epochs is over, or that Redis has lost the end. A second read would show no more.
        _newest = null;
        return true;
    }

    private void Clear()
    {
        _pushed.Clear();
        _bytes = 0;
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
