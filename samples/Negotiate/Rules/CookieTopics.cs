using System.Security.Claims;
using FuncSse.Topics;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Http;

namespace Negotiate.Rules;

/// <summary>Users who have signed in to ASP.NET Core with its cookie. A stream ends with the sign-in.</summary>
public sealed class CookieTopics : ITopicAuthorization
{
    public async ValueTask<TopicAuthorizationResult> AuthorizeAsync(HttpContext http, TopicSet topics)
    {
        AuthenticateResult result = await http.AuthenticateAsync(CookieAuthenticationDefaults.AuthenticationScheme);
        if (!result.Succeeded || Users.Id(result.Principal.FindFirst(ClaimTypes.NameIdentifier)?.Value) is not { } user)
        {
            return TopicAuthorizationResult.ByTicket;
        }

        return new TopicSet(Users.Topics(user)).Covers(topics)
            ? TopicAuthorizationResult.Allow(result.Properties.ExpiresUtc, subject: user)
            : TopicAuthorizationResult.Deny;
    }
}
