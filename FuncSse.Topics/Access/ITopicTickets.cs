using Microsoft.AspNetCore.Http;

namespace FuncSse.Topics;

/// <summary>
/// Makes tickets. A ticket names topics and an end, and opens a stream of these topics to whoever presents it: as
/// <c>Authorization: Bearer</c>, as the cookie <see cref="CookieName"/>, or as <c>?access_token=</c>. The stream ends with it.
/// </summary>
/// <remarks>
/// A ticket is a JWT (RFC 7519) that is signed with HS256 and the first <see cref="TopicOptions.SigningKey"/>. Its claims are <c>topics</c>,
/// <c>exp</c>, <c>sub</c> where there is a subject, and <c>aud</c>, which is <see cref="TopicOptions.Name"/>.
/// </remarks>
public interface ITopicTickets
{
    /// <summary>The cookie in which a page of the same origin presents its ticket.</summary>
    const string CookieName = "funcsse_ticket";

    /// <summary>Makes a ticket.</summary>
    /// <param name="topics">Names, and patterns such as <c>orders/*</c>; one at least.</param>
    /// <param name="lifetime">How long it is valid: 1 s or more. A part of a second is cut off.</param>
    /// <param name="subject">Whose ticket it is, for <see cref="Streaming.SseOptions.MaxStreamsPerClient"/>.</param>
    /// <returns>The ticket. It is a secret until it expires.</returns>
    /// <exception cref="ArgumentException">A topic is wrong, there is none, or there are so many that the ticket exceeds 8 KB.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The lifetime is less than a second, or ends after the year 9999.</exception>
    /// <exception cref="InvalidOperationException">The app has no <see cref="TopicOptions.SigningKey"/>.</exception>
    string Create(IEnumerable<string> topics, TimeSpan lifetime, string? subject = null);

    /// <summary>
    /// Sets the cookie <see cref="CookieName"/>, which the browser sends with each request for a stream and no script can read:
    /// <c>HttpOnly</c>, <c>Secure</c>, <c>SameSite=Strict</c>. It expires with the ticket.
    /// </summary>
    /// <param name="response">The response, which has not started.</param>
    /// <param name="ticket">A ticket of this app.</param>
    /// <param name="path">The path of the streams as the browser sees it, such as <c>/topics</c> or <c>/api/topics</c>.</param>
    /// <exception cref="ArgumentException">
    /// The path does not begin with <c>/</c>, or the text is no ticket, or it exceeds the 4,096 bytes that browsers keep of a cookie.
    /// </exception>
    void SetCookie(HttpResponse response, string ticket, string path);
}
