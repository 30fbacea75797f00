namespace FuncSse.Streaming;

/// <summary>What holds for one stream: its own options, and those of all streams for the rest.</summary>
internal sealed class SseStreamSettings(SseOptions all, SseStreamOptions? own)
{
    public TimeSpan Retry { get; } = own?.Retry ?? all.Retry;

    public TimeSpan KeepAlive { get; } = own?.KeepAlive ?? all.KeepAlive;

    public bool KeepAliveEvent { get; } = own?.KeepAliveEvent ?? false;

    public bool IsResumable { get; } = own?.IsResumable ?? true;

    /// <summary><see langword="null"/> for a stream that ends only when something else ends it.</summary>
    public TimeSpan? MaxDuration { get; } = own?.MaxDuration ?? (own?.IsResumable == false ? null : all.MaxDuration);

    public TimeSpan WriteTimeout { get; } = all.WriteTimeout;

    public IReadOnlyList<string> AllowedOrigins { get; } = own?.AllowedOrigins ?? all.AllowedOrigins;

    public int Padding { get; } = own?.Padding ?? all.Padding;
}
