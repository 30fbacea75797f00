namespace FuncSse.Topics;

/// <summary>A period in which something fails, so that it is logged when it begins and when it ends, and not with each attempt.</summary>
internal sealed class Outage(TimeProvider time)
{
    private readonly Lock _gate = new();
    private long? _since;

    /// <summary>Something failed.</summary>
    /// <returns>Whether the outage begins with it.</returns>
    public bool Begin()
    {
        lock (_gate)
        {
            bool begins = _since is null;
            _since ??= time.GetTimestamp();
            return begins;
        }
    }

    /// <summary>Something succeeded.</summary>
    /// <returns>How long the outage lasted; <see langword="null"/> if there was none.</returns>
    public TimeSpan? End()
    {
        lock (_gate)
        {
            TimeSpan? duration = _since is { } since ? time.GetElapsedTime(since) : null;
            _since = null;
            return duration;
        }
    }
}
