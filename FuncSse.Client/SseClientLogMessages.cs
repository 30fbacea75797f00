using Microsoft.Extensions.Logging;

namespace FuncSse.Client;

/// <summary>The log messages of the package. An address is logged without its query, and an event logs nothing.</summary>
internal static partial class SseClientLogMessages
{
    [LoggerMessage(1, LogLevel.Debug, "Reading {Address}, after {LastEventId}.")]
    public static partial void Connected(ILogger logger, string address, string lastEventId);

    [LoggerMessage(2, LogLevel.Debug, "The stream {Address} ended, and is read again in {Wait}.")]
    public static partial void Ended(ILogger logger, string address, TimeSpan wait);

    [LoggerMessage(EventId = 3, Message = "{Address} cannot be read, and is tried again in {Wait}.")]
    public static partial void Lost(ILogger logger, LogLevel level, Exception exception, string address, TimeSpan wait);
}
