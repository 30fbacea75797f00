namespace FuncSse.Client;

/// <summary>The server sends an event, or a comment, that is larger than <see cref="SseClientOptions.MaxEventSize"/>.</summary>
public sealed class SseEventTooLargeException : Exception
{
    internal SseEventTooLargeException(int maxEventSize)
        : base($"The server sends an event or a comment of more than {maxEventSize} bytes, which is the client's {nameof(SseClientOptions.MaxEventSize)}.")
    {
    }
}
