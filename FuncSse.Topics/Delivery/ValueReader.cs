namespace FuncSse.Topics;

/// <summary>
/// Reads the retained values for streams that open. A read serves all streams of the same topics that asked before it began, and none that asked
/// later: a value may have been acknowledged in between.
/// </summary>
internal sealed class ValueReader : IDisposable
{
    /// <summary>The most values of one stream.</summary>
    public const int MaxValues = 1000;

    private readonly IEventLog _log;
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationToken _stopped; // The source has none any more once it is disposed.
    private readonly Dictionary<string, Task> _running = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Task<IReadOnlyList<RetainedValue>?>> _next = new(StringComparer.Ordinal);

    public ValueReader(IEventLog log) => (_log, _stopped) = (log, _stop.Token);

    /// <summary>Reads the values of topics; <see langword="null"/> if there are more than <see cref="MaxValues"/>.</summary>
    /// <exception cref="EventLogUnavailableException">The log cannot be reached.</exception>
    public Task<IReadOnlyList<RetainedValue>?> ReadAsync(TopicSet topics)
    {
        string key = string.Join(' ', topics.Topics.Order(StringComparer.Ordinal));
        lock (_gate)
        {
            if (!_next.TryGetValue(key, out Task<IReadOnlyList<RetainedValue>?>? next))
            {
                Task previous = _running.GetValueOrDefault(key, Task.CompletedTask);
                next = Task.Run(() => ReadAfterAsync(previous, key, topics), CancellationToken.None);
                _next.Add(key, next);
            }

            return next;
        }
    }

    public void Dispose()
    {
        _stop.Cancel();
        _stop.Dispose();
    }

    private async Task<IReadOnlyList<RetainedValue>?> ReadAfterAsync(Task previous, string key, TopicSet topics)
    {
        await previous.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        lock (_gate)
        {
            _next.Remove(key, out Task<IReadOnlyList<RetainedValue>?>? self);
            _running.Add(key, self!);
        }

        try
        {
            return await _log.ReadValuesAsync(topics, MaxValues, _stopped);
        }
        finally
        {
            lock (_gate)
            {
                _running.Remove(key);
            }
        }
    }
}
