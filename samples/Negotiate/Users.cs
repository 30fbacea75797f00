using FuncSse.Topics;

namespace Negotiate;

/// <summary>The topics of a user: all below <c>users/ID/</c>, and <c>news</c>.</summary>
public static class Users
{
    public static string[] Topics(string id) => [$"users/{id}/*", "news"];

    /// <summary>An id that is one part of a topic's name. One with <c>/</c> would put a user's topics inside another's.</summary>
    public static string? Id(string? id) => id is { Length: > 0 } && !id.Contains('/') && TopicName.IsValid($"users/{id}/x") ? id : null;
}
