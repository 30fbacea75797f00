using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace FuncSse.Topics;

/// <summary>Whether a request may subscribe: to public topics, by the app's own rule, or with a ticket.</summary>
internal sealed class TopicAccess(TopicOptions options, TopicTickets tickets, ILogger<TopicAccess> logger)
{
    private readonly TopicSet _public = new(options.Public);

    public async ValueTask<TopicAuthorizationResult> CheckAsync(HttpContext http, TopicSet topics)
    {
        ITopicAuthorization? rule = http.RequestServices.GetService<ITopicAuthorization>();
        if (rule is null && !tickets.AreNeeded)
        {
            return TopicAuthorizationResult.Allow();
        }

        TopicSet closed = topics.Except(_public);
        if (closed.IsEmpty)
        {
            return TopicAuthorizationResult.Allow();
        }

        TopicAuthorizationResult decision = rule is null ? TopicAuthorizationResult.ByTicket : await AskAsync(rule, http, closed);
        if (decision != TopicAuthorizationResult.ByTicket)
        {
            return decision;
        }

        if (!tickets.AreNeeded || TicketRequest.Find(http.Request) is not { } ticket || await tickets.ValidateAsync(ticket) is not { } valid)
        {
            return TopicAuthorizationResult.Challenge;
        }

        return valid.Topics.Covers(closed) ? TopicAuthorizationResult.Allow(valid.Expires, valid.Subject) : TopicAuthorizationResult.Deny;
    }

    private async Task<TopicAuthorizationResult> AskAsync(ITopicAuthorization rule, HttpContext http, TopicSet topics)
    {
        try
        {
            return await rule.AuthorizeAsync(http, topics);
        }
        catch (Exception exception)
        {
            // A 500 would tell browsers never to come back.
            if (!http.RequestAborted.IsCancellationRequested)
            {
                Log.RuleFailed(logger, exception);
            }

            return TopicAuthorizationResult.Later;
        }
    }
}
