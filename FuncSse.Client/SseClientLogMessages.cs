using Microsoft.Extensions.Logging;

namespace FuncSse.Client;

/// <summary>The log messages of the package. An address is logged without its query, and an event logs nothing.</summary>
internal static partial class SseClientLogMessages
{
    [LoggerMessage(1, LogLevel.Debug, "{Address} answers {Status} to what follows the id '{LastEventId}'.")]
    public static partial void Answered(ILogger logger, string address, int status, string lastEventId);

    [LoggerMessage(EventId = 2, Message = "{Address} {What}. It is tried again in {Wait}.")]
    public static partial void Reconnecting(ILogger logger, LogLevel level, Exception? exception, string address, string what, TimeSpan wait);
}
