using Microsoft.AspNetCore.Http;

namespace FuncSse.Topics;

/// <summary>
/// The app's own rule for who may subscribe, for users who are not signed in by a ticket. Register it as a service of any lifetime. It is asked
/// first, and decides whether a ticket is looked at.
/// </summary>
public interface ITopicAuthorization
{
    /// <summary>Decides on a request for a stream.</summary>
    /// <param name="http">The request. Nothing may be written to its response.</param>
    /// <param name="topics">
    /// The topics of the request that are not <see cref="TopicOptions.Public"/>. Allow the request only if the user may have all of them
    /// (<see cref="TopicSet.Covers(TopicSet)"/>).
    /// </param>
    /// <returns>
    /// The decision. If this throws, the exception is logged and the answer is that of <see cref="TopicAuthorizationResult.Later"/>.
    /// </returns>
    ValueTask<TopicAuthorizationResult> AuthorizeAsync(HttpContext http, TopicSet topics);
}
