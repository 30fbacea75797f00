using Microsoft.Extensions.Logging;

namespace FuncSse.Topics;

/// <summary>All log messages of the recorded streams. No message is written for an event.</summary>
internal static partial class RecordingLogMessages
{
    [LoggerMessage(121, LogLevel.Debug, "The recorded stream {Name} is complete: {Events} events.")]
    public static partial void Completed(ILogger logger, string name, int events);

    [LoggerMessage(122, LogLevel.Warning, "The recorded stream {Name} ended after {Events} events without being complete: {End}.")]
    public static partial void Ended(ILogger logger, string name, int events, string end);

    [LoggerMessage(123, LogLevel.Error, "The feed of the recorded stream {Name} failed.")]
    public static partial void FeedFailed(ILogger logger, Exception exception, string name);

    [LoggerMessage(124, LogLevel.Warning, "The recorded stream {Name} cannot be recorded at present. Only clients of this instance receive its events.")]
    public static partial void NotRecorded(ILogger logger, Exception exception, string name);

    [LoggerMessage(125, LogLevel.Information, "Recorded streams are recorded again, after {Duration}.")]
    public static partial void Recorded(ILogger logger, TimeSpan duration);
}
