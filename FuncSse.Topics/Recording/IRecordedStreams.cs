using FuncSse.Streaming;

namespace FuncSse.Topics;

/// <summary>
/// Runs feeds apart from any request and records their events, so that any number of clients follow each of them, on any instance, from its beginning to
/// its end. Safe for use by several threads at once.
/// </summary>
public interface IRecordedStreams
{
    /// <summary>
    /// Runs a feed once. Of two starts of a name, on any instances, the first one counts: the feed of the other is cancelled, and its name is followed.
    /// </summary>
    /// <param name="name">The name, as a topic's (<see cref="TopicName"/>), with 254 characters at most. It is used once.</param>
    /// <param name="feed">
    /// The feed. Its last event id is <see langword="null"/>. The ids of its events are replaced, and its waits are left out. It is cancelled by
    /// <see cref="StopAsync"/>, after <see cref="RecordedStreamOptions.MaxDuration"/>, and when the host stops, but not when clients leave. A feed has a
    /// second to end after that.
    /// </param>
    /// <param name="options">The options; the default ones if <see langword="null"/>.</param>
    /// <returns>
    /// How it ended, once the log has the end. A trigger that is not HTTP awaits it. Where the log takes nothing for ten seconds after the end, the
    /// stream was not recorded, and this completes all the same.
    /// </returns>
    /// <exception cref="ArgumentException">The name is not allowed.</exception>
    /// <exception cref="RecordingLimitException"><see cref="TopicOptions.MaxRecordings"/> feeds run in this process.</exception>
    /// <exception cref="AlreadyRecordedException">Thrown at once or by the task: a stream of this name has ended.</exception>
    Task<RecordedStreamEnd> Start(string name, SseFeed<string> feed, RecordedStreamOptions? options = null);

    /// <summary>Stops the feed of this name, on whichever instance it runs.</summary>
    /// <param name="name">The name.</param>
    /// <param name="cancellationToken">Ends the wait; the feed may be stopped all the same.</param>
    /// <returns>When the log has the stop, also where nothing runs.</returns>
    /// <exception cref="ArgumentException">The name is not allowed.</exception>
    /// <exception cref="EventLogUnavailableException">The log did not take it. A feed of this process was stopped all the same.</exception>
    Task StopAsync(string name, CancellationToken cancellationToken = default);
}
