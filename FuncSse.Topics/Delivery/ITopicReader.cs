namespace FuncSse.Topics;

/// <summary>Reads topics in code: for a background service, a Blazor component, or a feed of the app's own. Safe for use by several threads at once.</summary>
public interface ITopicReader
{
    /// <summary>Reads the events of topics in the log's order, each once, and goes on until it is cancelled or the host stops.</summary>
    /// <param name="topics">At least one name, or pattern such as <c>orders/*</c>.</param>
    /// <param name="after">
    /// The id of a message after which to begin, or <c>earliest</c> for all events that are kept; <see langword="null"/> for the retained values and what
    /// comes from now on. An id that the log does not know begins like <see langword="null"/>, after a message of the kind
    /// <see cref="TopicMessageKind.Loss"/>.
    /// </param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <returns>
    /// The messages. While the log cannot be reached, none come. A reader that is too slow reads from the log, and is told of a loss if the log no
    /// longer has what follows.
    /// </returns>
    /// <exception cref="ArgumentException">There is no topic, or one is neither a name nor a pattern.</exception>
    IAsyncEnumerable<TopicMessage> ReadAsync(IEnumerable<string> topics, string? after = null, CancellationToken cancellationToken = default);
}
