using Microsoft.Extensions.Logging;

namespace FuncSse.Topics.AzureStorage;

/// <summary>All that the log in append blobs logs.</summary>
internal static partial class Log
{
    [LoggerMessage(121, LogLevel.Information, "The event log goes on in segment {Segment}: the one before has {Length} bytes.")]
    public static partial void Rolled(ILogger logger, long segment, long length);

    [LoggerMessage(122, LogLevel.Information, "Segment {Segment} of the event log was deleted; it had {Length} bytes.")]
    public static partial void Deleted(ILogger logger, long segment, long length);

    [LoggerMessage(123, LogLevel.Information, "The event log {Container} begins anew, with the epoch {Epoch}.")]
    public static partial void Created(ILogger logger, string container, string epoch);

    [LoggerMessage(124, LogLevel.Warning, "The upkeep of the event log failed; it is tried again later.")]
    public static partial void UpkeepFailed(ILogger logger, Exception exception);
}
