using Microsoft.AspNetCore.Http;

namespace FuncSse.Topics;

/// <summary>
/// Creates tickets. A ticket names topics and an expiry time. A client may subscribe to these topics if it sends the ticket: as
/// <c>Authorization: Bearer</c>, as the cookie <see cref="CookieName"/>, or as <c>?access_token=</c>. The stream ends when the ticket expires.
/// </summary>
/// <remarks>
/// A ticket is a JWT (RFC 7519) that is signed with HS256 and the first <see cref="TopicOptions.SigningKey"/>. Its claims are <c>topics</c>,
/// <c>iat</c>, <c>exp</c>, <c>sub</c> if there is a subject, and <c>aud</c>, which is <see cref="TopicOptions.Name"/>.
/// </remarks>
public interface ITopicTickets
{
    /// <summary>The name of the cookie in which a page of the same origin sends its ticket.</summary>
    const string CookieName = "funcsse_ticket";

    /// <summary>Creates a ticket.</summary>
    /// <param name="topics">At least one name or pattern such as <c>orders/*</c>.</param>
    /// <param name="lifetime">How long it is valid: 1 s to <see cref="TopicOptions.MaxTicketLifetime"/>. Fractions of a second are dropped.</param>
    /// <param name="subject">The user, for <see cref="Streaming.SseOptions.MaxStreamsPerClient"/> and <see cref="RevokeAsync"/>.</param>
    /// <returns>The ticket. Keep it secret until it expires.</returns>
    /// <exception cref="ArgumentException">A topic is wrong, there is no topic, or the ticket would be larger than 8 KB.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The lifetime is less than a second, or longer than <see cref="TopicOptions.MaxTicketLifetime"/>.</exception>
    /// <exception cref="InvalidOperationException">The app has no <see cref="TopicOptions.SigningKey"/>.</exception>
    string Create(IEnumerable<string> topics, TimeSpan lifetime, string? subject = null);

    /// <summary>
    /// Takes back what a user may receive: the user's streams end on every instance with the event <c>expired</c>, within a second or the storage's poll
    /// interval, and tickets with this subject that were created before, or do not say when, are refused. A ticket that is created afterwards is valid.
    /// </summary>
    /// <param name="subject">The subject of the tickets, or the one that the app's <see cref="ITopicAuthorization"/> gave.</param>
    /// <param name="cancellationToken">Ends the wait; the revocation may take effect all the same.</param>
    /// <returns>When the log has the revocation. It is kept for <see cref="TopicOptions.MaxTicketLifetime"/>.</returns>
    /// <remarks>
    /// The times are those of the instances that create tickets and revoke them, so their clocks must agree. A stream that the app's own rule let in ends
    /// too; whether the user may come back is up to the rule.
    /// </remarks>
    /// <exception cref="EventLogUnavailableException">The log did not take it. Nothing was acknowledged.</exception>
    Task RevokeAsync(string subject, CancellationToken cancellationToken = default);

    /// <summary>
    /// Sets the cookie <see cref="CookieName"/>. The browser sends it with each request for a stream, and scripts cannot read it:
    /// <c>HttpOnly</c>, <c>Secure</c>, <c>SameSite=Strict</c>. It expires with the ticket.
    /// </summary>
    /// <param name="response">The response, which has not started.</param>
    /// <param name="ticket">A ticket of this app.</param>
    /// <param name="path">The path of the streams as the browser sees it, such as <c>/topics</c> or <c>/api/topics</c>.</param>
    /// <exception cref="ArgumentException">
    /// The path does not begin with <c>/</c>, the text is not a ticket, or the cookie is larger than the 4,096 bytes that browsers accept.
    /// </exception>
    void SetCookie(HttpResponse response, string ticket, string path);
}
