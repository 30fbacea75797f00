using Microsoft.Extensions.Logging;

namespace FuncSse.Topics.Redis;

/// <summary>All that the log in Redis logs.</summary>
internal static partial class Log
{
    [LoggerMessage(141, LogLevel.Warning, "Redis has maxmemory-policy {Policy} and deletes all events when its memory is full; set it to noeviction.")]
    public static partial void Evicts(ILogger logger, string policy);

    [LoggerMessage(142, LogLevel.Information, "Redis does not tell its maxmemory-policy; it has to be noeviction.")]
    public static partial void PolicyUnknown(ILogger logger);

    [LoggerMessage(143, LogLevel.Warning, "The token for Redis could not be renewed; it is tried again every 30 seconds.")]
    public static partial void TokenNotRenewed(ILogger logger, Exception exception);
}
