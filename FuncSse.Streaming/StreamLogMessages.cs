using Microsoft.Extensions.Logging;

namespace FuncSse.Streaming;

/// <summary>The log messages of the package. A process logs at Information, a stream at Debug, and an event logs nothing.</summary>
internal static partial class StreamLogMessages
{
    [LoggerMessage(1, LogLevel.Information, "Event streams last at most {MaxDuration} each; the limit of open streams is {MaxStreams}.")]
    public static partial void Started(ILogger logger, TimeSpan maxDuration, string maxStreams);

    [LoggerMessage(2, LogLevel.Information, "Event streams have stopped: {Served} were served, {Open} are still open.")]
    public static partial void Stopped(ILogger logger, long served, int open);

    [LoggerMessage(3, LogLevel.Debug, "Stream {TraceIdentifier} ended after {Duration} and {Events} events: {Reason}.")]
    public static partial void StreamEnded(ILogger logger, string traceIdentifier, TimeSpan duration, long events, string reason);

    [LoggerMessage(4, LogLevel.Debug, "Stream {TraceIdentifier} was refused because {MaxStreams} streams are open.")]
    public static partial void StreamRefused(ILogger logger, string traceIdentifier, int maxStreams);

    [LoggerMessage(5, LogLevel.Error, "The feed of stream {TraceIdentifier} failed.")]
    public static partial void FeedFailed(ILogger logger, Exception exception, string traceIdentifier);

    [LoggerMessage(6, LogLevel.Warning, "The feed of stream {TraceIdentifier} did not stop within {Grace} of its cancellation; the stream ended without it.")]
    public static partial void FeedHangs(ILogger logger, string traceIdentifier, TimeSpan grace);

    [LoggerMessage(7, LogLevel.Warning, "{Setting} is not a known setting and is ignored; did you mean {Nearest}?")]
    public static partial void UnknownSetting(ILogger logger, string setting, string nearest);

    [LoggerMessage(8, LogLevel.Debug, "The feed of stream {TraceIdentifier} threw.")]
    public static partial void FeedFailedLate(ILogger logger, Exception exception, string traceIdentifier);

    [LoggerMessage(9, LogLevel.Warning, "Many feeds fail. For up to {Period}, further failures are logged at Debug.")]
    public static partial void FailuresNotLogged(ILogger logger, TimeSpan period);

    [LoggerMessage(11, LogLevel.Error, "Stream {TraceIdentifier} failed. This is a fault of the server and not of the feed.")]
    public static partial void StreamFailed(ILogger logger, Exception exception, string traceIdentifier);

    [LoggerMessage(12, LogLevel.Warning, "A feed sends events without ids. A client that returns to its stream cannot say where it was, and misses events.")]
    public static partial void EventsHaveNoIds(ILogger logger);

    [LoggerMessage(13, LogLevel.Warning, "The configuration section {Section} is ignored; call AddServerSentEvents(configuration.GetSection(\"{Section}\")) to use it.")]
    public static partial void SectionIsIgnored(ILogger logger, string section);

    [LoggerMessage(10, LogLevel.Debug, "Stream {TraceIdentifier} was refused because its client has {MaxStreamsPerClient} streams open.")]
    public static partial void StreamOfClientRefused(ILogger logger, string traceIdentifier, int maxStreamsPerClient);
}
