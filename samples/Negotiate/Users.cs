using FuncSse.Topics;

namespace Negotiate;

/// <summary>The topics of a user: all below <c>users/ID/</c>, and <c>news</c>.</summary>
public static class Users
{
    public static string[] Topics(string id) => [$"users/{id}/*", "news"];

    /// <summary>An id as one part of a topic's name, such as <c>auth0~7C5f7c</c>: as it is, one with <c>/</c> would put a user's topics inside another's.</summary>
    public static string? Id(string? id) => id is { Length: > 0 } && TopicName.IsValid($"users/{TopicName.Escape(id)}/x") ? TopicName.Escape(id) : null;
}
