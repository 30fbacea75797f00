using Microsoft.Extensions.Logging;

namespace FuncSse;

/// <summary>What the function app has to say about where it runs.</summary>
internal static partial class FunctionLogMessages
{
    [LoggerMessage(203, LogLevel.Warning, "Sse:MaxStreamsPerClient is ignored, since Sse:ClientHeader is not set: behind the Functions host all clients have the same address.")]
    public static partial void ClientLimitIsIgnored(ILogger logger);

    [LoggerMessage(201, LogLevel.Warning, "Anyone may subscribe to every topic, since Topics:SigningKey is not set.")]
    public static partial void TopicsArePublic(ILogger logger);

    [LoggerMessage(202, LogLevel.Warning, "Topics:Log is memory: an event reaches the pages of the instance that published it and no other.")]
    public static partial void LogIsMemory(ILogger logger);
}
