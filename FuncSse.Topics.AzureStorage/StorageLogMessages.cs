using Microsoft.Extensions.Logging;

namespace FuncSse.Topics.AzureStorage;

/// <summary>All log messages of the package.</summary>
internal static partial class StorageLogMessages
{
    [LoggerMessage(121, LogLevel.Information, "The event log continues in segment {Segment}; the previous segment has {Length} bytes.")]
    public static partial void Rolled(ILogger logger, long segment, long length);

    [LoggerMessage(122, LogLevel.Information, "Segment {Segment} of the event log was deleted; it had {Length} bytes.")]
    public static partial void Deleted(ILogger logger, long segment, long length);

    [LoggerMessage(123, LogLevel.Information, "The event log {Container} was created, with the epoch {Epoch}.")]
    public static partial void Created(ILogger logger, string container, string epoch);

    [LoggerMessage(124, LogLevel.Warning, "Old events of the event log could not be deleted; this is tried again every {Interval}.")]
    public static partial void UpkeepFailed(ILogger logger, TimeSpan interval, Exception exception);
}
