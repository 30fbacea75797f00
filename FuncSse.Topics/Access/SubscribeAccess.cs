using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace FuncSse.Topics;

/// <summary>Decides whether a request may subscribe: to public topics, by the app's own rule, or with a ticket.</summary>
internal sealed class SubscribeAccess(TopicOptions options, TopicTickets tickets, ILogger<SubscribeAccess> logger)
{
    private readonly TopicSet _public = new(options.Public);
    private readonly SafeLogger _logger = new(logger);

    public async ValueTask<TopicAuthorizationResult> CheckAsync(HttpContext http, TopicSet topics)
    {
        TopicSet restricted = topics.Except(_public);
        if (restricted.IsEmpty)
        {
            return TopicAuthorizationResult.Allow();
        }

        TopicAuthorizationResult decision = await AskRuleAsync(http, restricted);
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

    // An app without a rule and without a signing key allows everything.
    private async ValueTask<TopicAuthorizationResult> AskRuleAsync(HttpContext http, TopicSet topics)
    {
        try
        {
            return http.RequestServices.GetService<ITopicAuthorization>() is { } rule ? await rule.AuthorizeAsync(http, topics)
                : tickets.AreRequired ? TopicAuthorizationResult.ByTicket
                : TopicAuthorizationResult.Allow();
        }
        catch (Exception exception)
        {
            // After a 500, a browser would not come back. The constructor of the rule may throw too.
            if (!http.RequestAborted.IsCancellationRequested)
            {
                TopicLogMessages.RuleFailed(_logger, exception);
            }

            return TopicAuthorizationResult.Later;
        }
    }
}
