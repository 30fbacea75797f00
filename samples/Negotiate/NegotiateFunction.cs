using FuncSse.Topics;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace Negotiate;

/// <summary>
/// Gives the signed-in user the address of the streams, and a ticket for them: in a cookie for pages, or with <c>?ticket=json</c> in the
/// answer for programs.
/// </summary>
public sealed class NegotiateFunction(ITopicTickets tickets)
{
    [Function("Negotiate")]
    public IResult Run([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "negotiate")] HttpRequest request)
    {
        if (AppServiceUser.Find(request) is not { } user)
        {
            return TypedResults.Unauthorized();
        }

        string url = $"/topics?topic=users/{user}/*&topic=news";
        string ticket = tickets.Create(Users.Topics(user), TimeSpan.FromMinutes(30), subject: user);
        request.HttpContext.Response.Headers.CacheControl = "no-store"; // The answer is this user's alone.
        if (request.Query["ticket"] == "json")
        {
            return TypedResults.Ok(new { url, accessToken = ticket });
        }

        tickets.SetCookie(request.HttpContext.Response, ticket, path: "/topics");
        return TypedResults.Ok(new { url });
    }
}
