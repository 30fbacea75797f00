using FuncSse.Topics;
using Microsoft.AspNetCore.Http;

namespace Negotiate.Rules;

/// <summary>Users whom App Service authentication has signed in.</summary>
public sealed class AppServiceTopics : ITopicAuthorization
{
    public ValueTask<TopicAuthorizationResult> AuthorizeAsync(HttpContext http, TopicSet topics) => ValueTask.FromResult(
        AppServiceUser.Find(http.Request) is not { } user ? TopicAuthorizationResult.ByTicket
        : new TopicSet(Users.Topics(user)).Covers(topics) ? TopicAuthorizationResult.Allow(subject: user)
        : TopicAuthorizationResult.Deny);
}
