using Microsoft.Extensions.Logging;

namespace FuncSse.Streaming;

/// <summary>All that the engine logs: the whole at Information, a stream at Debug, an event never.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Information, "Streams are served: each for at most {MaxDuration}; limit to their number: {MaxStreams}.")]
    public static partial void Started(ILogger logger, TimeSpan maxDuration, string maxStreams);

    [LoggerMessage(2, LogLevel.Information, "Streams are no longer served: {Served} were, {Open} are still open.")]
    public static partial void Stopped(ILogger logger, long served, int open);

    [LoggerMessage(3, LogLevel.Debug, "Stream {TraceIdentifier} ended after {Duration} and {Events} events: {Reason}.")]
    public static partial void StreamEnded(ILogger logger, string traceIdentifier, TimeSpan duration, long events, SseStreamEnd reason);

    [LoggerMessage(4, LogLevel.Debug, "Stream {TraceIdentifier} was refused: {MaxStreams} are open.")]
    public static partial void StreamRefused(ILogger logger, string traceIdentifier, int? maxStreams);

    [LoggerMessage(5, LogLevel.Error, "The feed of stream {TraceIdentifier} failed.")]
    public static partial void FeedFailed(ILogger logger, Exception exception, string traceIdentifier);

    [LoggerMessage(6, LogLevel.Warning, "The feed of stream {TraceIdentifier} did not stop within {Grace} of being cancelled; the stream ended without it.")]
    public static partial void FeedHangs(ILogger logger, string traceIdentifier, TimeSpan grace);
}
