using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace FuncSse.Topics;

/// <summary>Decides whether a request may subscribe: to public topics, by the app's own rule, or with a ticket.</summary>
internal sealed class TopicAccess(TopicOptions options, TopicTickets tickets, ILogger<TopicAccess> logger)
{
    private readonly TopicSet _public = new(options.Public);

    public async ValueTask<TopicAuthorizationResult> CheckAsync(HttpContext http, TopicSet topics)
    {
        ITopicAuthorization? rule = http.RequestServices.GetService<ITopicAuthorization>();
        if (rule is null && !tickets.AreRequired)
        {
            return TopicAuthorizationResult.Allow();
        }

        TopicSet restricted = topics.Except(_public);
        if (restricted.IsEmpty)
        {
            return TopicAuthorizationResult.Allow();
        }

        TopicAuthorizationResult decision = rule is null ? TopicAuthorizationResult.ByTicket : await AskAsync(rule, http, restricted);
        if (decision != TopicAuthorizationResult.ByTicket)
        {
            return decision;
        }

        if (!tickets.AreRequired || TicketRequest.Find(http.Request) is not { } ticket || await tickets.ValidateAsync(ticket) is not { } valid)
        {
            return TopicAuthorizationResult.Challenge;
        }

        return valid.Topics.Covers(restricted) ? TopicAuthorizationResult.Allow(valid.Expires, valid.Subject) : TopicAuthorizationResult.Deny;
    }

    private async Task<TopicAuthorizationResult> AskAsync(ITopicAuthorization rule, HttpContext http, TopicSet topics)
    {
        try
        {
            return await rule.AuthorizeAsync(http, topics);
        }
        catch (Exception exception)
        {
            // After a 500, a browser would not come back.
            if (!http.RequestAborted.IsCancellationRequested)
            {
                TopicLogMessages.RuleFailed(logger, exception);
            }

            return TopicAuthorizationResult.Later;
        }
    }
}
