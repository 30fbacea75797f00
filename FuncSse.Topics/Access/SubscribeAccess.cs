using FuncSse.Streaming;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace FuncSse.Topics;

/// <summary>Decides whether a request may subscribe: to public topics, by the app's own rule, or with a ticket.</summary>
internal sealed class SubscribeAccess(TopicOptions options, TopicTickets tickets, Revocations revocations, TimeProvider time, ILogger<SubscribeAccess> logger)
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

        // The time has milliseconds, as that of a revocation has in the log.
        var now = DateTimeOffset.FromUnixTimeMilliseconds(time.GetUtcNow().ToUnixTimeMilliseconds());
        TopicAuthorizationResult decision = await AskRuleAsync(http, restricted);
        if (decision != TopicAuthorizationResult.ByTicket)
        {
            return decision.At(now);
        }

        return await CheckTicketAsync(http, restricted);
    }

    /// <summary>Decides by the request's ticket alone.</summary>
    public async Task<TopicAuthorizationResult> CheckTicketAsync(HttpContext http, TopicSet topics)
    {
        if (!tickets.AreRequired || TicketRequest.Find(http.Request) is not { } ticket || await tickets.ValidateAsync(ticket) is not { } valid)
        {
            return TopicAuthorizationResult.Challenge;
        }

        if (valid.Subject is { } subject)
        {
            if (!await revocations.TryRefreshAsync())
            {
                return TopicAuthorizationResult.Later;
            }

            if (revocations.IsRevoked(subject, valid.Issued))
            {
                return TopicAuthorizationResult.Challenge;
            }
        }

        return valid.Topics.Covers(topics) ? TopicAuthorizationResult.Allow(valid) : TopicAuthorizationResult.Deny;
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
