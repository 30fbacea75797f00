using Microsoft.Extensions.Logging;

namespace FuncSse.Topics;

/// <summary>All log messages of the topics. No message is written for an event.</summary>
internal static partial class TopicLogMessages
{
    [LoggerMessage(101, LogLevel.Warning, "The event log cannot be reached. Until it answers, streams stay open and publishers get an error.")]
    public static partial void Unreachable(ILogger logger, Exception exception);

    [LoggerMessage(102, LogLevel.Information, "The event log can be reached again, after {Duration}.")]
    public static partial void Reachable(ILogger logger, TimeSpan duration);

    [LoggerMessage(103, LogLevel.Warning, "The record of the event log that ends at {Position} was skipped: {Kind}.")]
    public static partial void RecordSkipped(ILogger logger, LogPosition position, RecordKind kind);

    [LoggerMessage(104, LogLevel.Warning, "At least {Streams} streams lost events within {Window}. The reason given to the last one is {Reason}.")]
    public static partial void ResetStorm(ILogger logger, int streams, TimeSpan window, string reason);

    [LoggerMessage(105, LogLevel.Error, "Reading the event log failed and is tried again.")]
    public static partial void ReadingFailed(ILogger logger, Exception exception);

    [LoggerMessage(106, LogLevel.Error, "Appending to the event log failed.")]
    public static partial void AppendFailed(ILogger logger, Exception exception);

    [LoggerMessage(107, LogLevel.Warning, "A key in Topics:PublishKey has fewer than {Min} characters and can be guessed.")]
    public static partial void ShortPublishKey(ILogger logger, int min);

    [LoggerMessage(108, LogLevel.Error, "The app's ITopicAuthorization failed. The client is told to come back later.")]
    public static partial void RuleFailed(ILogger logger, Exception exception);

    [LoggerMessage(109, LogLevel.Warning, "The event log takes no events. Publishers get an error until it does.")]
    public static partial void TakesNoEvents(ILogger logger, Exception exception);

    [LoggerMessage(110, LogLevel.Information, "The event log takes events again, after {Duration}.")]
    public static partial void TakesEvents(ILogger logger, TimeSpan duration);

    [LoggerMessage(
        111,
        LogLevel.Warning,
        "The event log no longer has the position of this process ({Reason}): it was created again, has lost its newest events, or has deleted events that were not read yet. The streams end, and their clients come back.")]
    public static partial void HubPositionLost(ILogger logger, string reason);
}
