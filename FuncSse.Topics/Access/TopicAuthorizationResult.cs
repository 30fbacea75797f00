namespace FuncSse.Topics;

/// <summary>The decision of <see cref="ITopicAuthorization"/>.</summary>
public sealed class TopicAuthorizationResult
{
    private TopicAuthorizationResult()
    {
    }

    /// <summary>Nobody is signed in: 401. A browser does not come back by itself.</summary>
    public static TopicAuthorizationResult Challenge { get; } = new();

    /// <summary>The user may not have these topics: 403. A browser does not come back by itself.</summary>
    public static TopicAuthorizationResult Deny { get; } = new();

    /// <summary>There is no decision at present: the client is told to come back later, like one that exceeds a limit.</summary>
    public static TopicAuthorizationResult Later { get; } = new();

    /// <summary>The ticket decides. Without a <see cref="TopicOptions.SigningKey"/> there are no tickets, and the answer is 401.</summary>
    public static TopicAuthorizationResult ByTicket { get; } = new();

    internal bool IsAllowed { get; private init; }

    internal DateTimeOffset? Until { get; private init; }

    internal string? Subject { get; private init; }

    /// <summary>Whether a ticket was decisive, and not a rule of the app.</summary>
    internal bool IsByTicket { get; private init; }

    /// <summary>When the right was given: the time of the ticket, if it has one, or that of the decision.</summary>
    internal DateTimeOffset? Given { get; private init; }

    /// <summary>The client may have the stream.</summary>
    /// <param name="until">When the stream ends with the event <c>expired</c>; <see langword="null"/> for never.</param>
    /// <param name="subject">
    /// The user, for <see cref="Streaming.SseOptions.MaxStreamsPerClient"/> and for <see cref="ITopicTickets.RevokeAsync"/>, which ends the stream.
    /// </param>
    public static TopicAuthorizationResult Allow(DateTimeOffset? until = null, string? subject = null) =>
        new() { IsAllowed = true, Until = until, Subject = subject };

    internal static TopicAuthorizationResult Allow(TopicTicket ticket) =>
        new() { IsAllowed = true, Until = ticket.Expires, Subject = ticket.Subject, IsByTicket = true, Given = ticket.Issued };

    /// <summary>The same, decided at a time.</summary>
    internal TopicAuthorizationResult At(DateTimeOffset time) =>
        Subject is null ? this : new() { IsAllowed = IsAllowed, Until = Until, Subject = Subject, Given = time };
}
