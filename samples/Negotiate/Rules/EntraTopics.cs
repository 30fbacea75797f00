using FuncSse.Topics;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.AspNetCore.Http;

namespace Negotiate.Rules;

/// <summary>Users who present an access token of Entra ID with the scope <c>Topics.Read</c>. A stream ends with its token.</summary>
public sealed class EntraTopics : ITopicAuthorization
{
    public async ValueTask<TopicAuthorizationResult> AuthorizeAsync(HttpContext http, TopicSet topics)
    {
        // A function app has no authentication middleware, so the rule asks for the result itself.
        AuthenticateResult result = await http.AuthenticateAsync(JwtBearerDefaults.AuthenticationScheme);
        if (!result.Succeeded || Users.Id(result.Principal.FindFirst("oid")?.Value) is not { } user)
        {
            return TopicAuthorizationResult.ByTicket;
        }

        bool hasScope = result.Principal.FindFirst("scp")?.Value.Split(' ').Contains("Topics.Read") ?? false;
        return hasScope && new TopicSet(Users.Topics(user)).Covers(topics)
            ? TopicAuthorizationResult.Allow(result.Properties.ExpiresUtc, subject: user)
            : TopicAuthorizationResult.Deny;
    }
}
