using Microsoft.Extensions.Logging;

namespace FuncSse.Topics;

/// <summary>All that the topics log: what an operator has to know, once, and never an event.</summary>
internal static partial class Log
{
    [LoggerMessage(101, LogLevel.Warning, "The event log cannot be reached; streams stay open and publishers get an error until it can.")]
    public static partial void Unreachable(ILogger logger, Exception exception);

    [LoggerMessage(102, LogLevel.Information, "The event log can be reached again, after {Duration}.")]
    public static partial void Reachable(ILogger logger, TimeSpan duration);

    [LoggerMessage(103, LogLevel.Warning, "The record of the event log that ends at {Position} was skipped: {Kind}.")]
    public static partial void RecordSkipped(ILogger logger, LogPosition position, RecordKind kind);

    [LoggerMessage(104, LogLevel.Warning, "{Streams} streams or more lost events within {Window}; the position of the last is {Reason}.")]
    public static partial void ResetStorm(ILogger logger, int streams, TimeSpan window, string reason);

    [LoggerMessage(105, LogLevel.Error, "Reading the event log failed; it is tried again.")]
    public static partial void ReadingFailed(ILogger logger, Exception exception);

    [LoggerMessage(106, LogLevel.Error, "Appending to the event log failed.")]
    public static partial void AppendFailed(ILogger logger, Exception exception);

    [LoggerMessage(107, LogLevel.Warning, "A key in Topics:PublishKey has fewer than {Min} characters and may be guessed.")]
    public static partial void ShortPublishKey(ILogger logger, int min);

    [LoggerMessage(108, LogLevel.Error, "The app's rule of who may subscribe failed; the client is told to come back later.")]
    public static partial void RuleFailed(ILogger logger, Exception exception);

    [LoggerMessage(109, LogLevel.Warning, "The event log takes no events; publishers get an error until it does.")]
    public static partial void TakesNoEvents(ILogger logger, Exception exception);

    [LoggerMessage(110, LogLevel.Information, "The event log takes events again, after {Duration}.")]
    public static partial void TakesEvents(ILogger logger, TimeSpan duration);
}
