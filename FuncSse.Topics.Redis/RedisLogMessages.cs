using Microsoft.Extensions.Logging;

namespace FuncSse.Topics.Redis;

/// <summary>All log messages of the package.</summary>
internal static partial class RedisLogMessages
{
    [LoggerMessage(141, LogLevel.Warning, "Redis has maxmemory-policy {Policy} and deletes all events when its memory is full; set it to noeviction.")]
    public static partial void Evicts(ILogger logger, string policy);

    [LoggerMessage(142, LogLevel.Information, "Redis does not report its maxmemory-policy; make sure that it is noeviction.")]
    public static partial void PolicyUnknown(ILogger logger);

    [LoggerMessage(143, LogLevel.Warning, "The token for Redis could not be renewed; it is tried again every 30 seconds.")]
    public static partial void TokenNotRenewed(ILogger logger, Exception exception);

    [LoggerMessage(144, LogLevel.Warning, "Redis refuses a subscription to the channel {Channel}; events of other instances arrive up to {Delay} late.")]
    public static partial void NotSubscribed(ILogger logger, string channel, TimeSpan delay, Exception exception);

    [LoggerMessage(145, LogLevel.Warning, "Redis refuses to publish on the channel of {Name} ({Reason}); events arrive up to {Delay} late at other instances.")]
    public static partial void NotPublished(ILogger logger, string name, TimeSpan delay, string reason);

    [LoggerMessage(146, LogLevel.Warning, "Old events could not be trimmed from Redis; this is tried again every {Interval}.")]
    public static partial void NotTrimmed(ILogger logger, TimeSpan interval, Exception exception);
}
