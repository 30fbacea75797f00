namespace FuncSse.Topics;

/// <summary>Publishes events to topics. Safe for use by several threads at once.</summary>
#pragma warning disable CA1068 // Most callers pass a token, and few retain.
public interface ITopicPublisher
{
    /// <summary>Publishes an event with text as its data.</summary>
    /// <param name="topic">The topic's name (<see cref="TopicName"/>).</param>
    /// <param name="data">The data: any text, 0 to <see cref="TopicOptions.MaxEventSize"/> bytes of UTF-8. A lone surrogate becomes U+FFFD.</param>
    /// <param name="type">
    /// The event's type; <see langword="null"/>, empty and <c>message</c> mean none. <c>position</c>, <c>reset</c>, <c>expired</c>,
    /// <c>keep-alive</c>, <c>error</c> and <c>open</c> are not for publishers.
    /// </param>
    /// <param name="cancellationToken">Ends the wait; the event may be published all the same.</param>
    /// <param name="retain">
    /// Whether the event is also kept as the topic's value until the next one that is retained, and without regard to
    /// <see cref="TopicOptions.Retention"/>. New subscribers receive the value at once. Empty data clears the value. A retained event has at most 65,536
    /// bytes, and is acknowledged when both the log and the value have it.
    /// </param>
    /// <returns>The event's id, once the log has the event. Each call publishes an event of its own, even if it repeats an earlier call.</returns>
    /// <exception cref="ArgumentException">The name or the type is not allowed.</exception>
    /// <exception cref="EventTooLargeException">The data is larger than allowed.</exception>
    /// <exception cref="EventLogUnavailableException">
    /// The log could not take it within 10 s, too many events wait for it already, or the host stops. Nothing was acknowledged.
    /// </exception>
    /// <exception cref="RetainedValuesFullException">The event is to be retained, and <see cref="TopicOptions.MaxRetained"/> other topics have a value.</exception>
    Task<string> PublishAsync(string topic, string data, string? type = null, CancellationToken cancellationToken = default, bool retain = false);

    /// <summary>Publishes an event with a value as JSON (<see cref="Microsoft.AspNetCore.Http.Json.JsonOptions"/>) as its data.</summary>
    /// <typeparam name="T">The value's type.</typeparam>
    /// <param name="topic">As above.</param>
    /// <param name="data">The value.</param>
    /// <param name="type">As above.</param>
    /// <param name="cancellationToken">As above.</param>
    /// <param name="retain">As above.</param>
    /// <returns>As above.</returns>
    /// <exception cref="ArgumentException">As above.</exception>
    /// <exception cref="EventTooLargeException">As above.</exception>
    /// <exception cref="EventLogUnavailableException">As above.</exception>
    /// <exception cref="RetainedValuesFullException">As above.</exception>
    /// <exception cref="NotSupportedException">The value cannot be written as JSON.</exception>
    Task<string> PublishAsync<T>(string topic, T data, string? type = null, CancellationToken cancellationToken = default, bool retain = false);
}
