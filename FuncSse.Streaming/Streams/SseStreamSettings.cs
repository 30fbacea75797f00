namespace FuncSse.Streaming;

/// <summary>The options of one stream. What the stream does not set is the same as for all streams.</summary>
internal sealed class SseStreamSettings(SseOptions all, SseStreamOptions? own)
{
    public TimeSpan Retry { get; } = own?.Retry ?? all.Retry;

    public TimeSpan KeepAlive { get; } = own?.KeepAlive ?? all.KeepAlive;

    public bool KeepAliveEvent { get; } = own?.KeepAliveEvent ?? false;

    public bool IsResumable { get; } = own?.IsResumable ?? true;

    /// <summary>The longest lifetime; <see langword="null"/> if the stream has none.</summary>
    public TimeSpan? MaxDuration { get; } = own?.MaxDuration ?? (own?.IsResumable == false ? null : all.MaxDuration);

    public TimeSpan WriteTimeout { get; } = all.WriteTimeout;

    /// <summary>How often the times of the stream are checked.</summary>
    public TimeSpan CheckInterval
    {
        get
        {
            TimeSpan shortest = KeepAlive < WriteTimeout ? KeepAlive : WriteTimeout;
            shortest = MaxDuration < shortest ? MaxDuration.Value : shortest;
            return shortest < StreamSweep.MaxInterval * 4 ? shortest / 4 : StreamSweep.MaxInterval;
        }
    }

    public IReadOnlyList<string> AllowedOrigins { get; } = own?.AllowedOrigins ?? all.AllowedOrigins;

    public int Padding { get; } = own?.Padding ?? all.Padding;
}
