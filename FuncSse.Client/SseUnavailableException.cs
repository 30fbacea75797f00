namespace FuncSse.Client;

/// <summary>The server has answered with a status that may be another one later.</summary>
internal sealed class SseUnavailableException(string message, TimeSpan? retryAfter) : IOException(message)
{
    /// <summary>The wait that the server asks for, if it does.</summary>
    public TimeSpan? RetryAfter { get; } = retryAfter;
}
