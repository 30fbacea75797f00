using Microsoft.AspNetCore.Http;

namespace FuncSse.Topics;

/// <summary>
/// The app's own rule of who may subscribe, for users who are signed in some other way than with a ticket. Register it in the services,
/// with any lifetime; it is asked before a ticket is looked at, a Bearer token included.
/// </summary>
public interface ITopicAuthorization
{
    /// <summary>Decides on a request for a stream.</summary>
    /// <param name="http">The request. Nothing may be written to its response.</param>
    /// <param name="topics">
    /// What it asks for, apart from <see cref="TopicOptions.Public"/>. Allow it only if all of it is allowed:
    /// <see cref="TopicSet.Covers(TopicSet)"/> of the set that the user may have.
    /// </param>
    /// <returns>
    /// The decision. If the rule throws, the exception is logged and the client is told to come back later, as with
    /// <see cref="TopicAuthorizationResult.Later"/>.
    /// </returns>
    ValueTask<TopicAuthorizationResult> AuthorizeAsync(HttpContext http, TopicSet topics);
}
