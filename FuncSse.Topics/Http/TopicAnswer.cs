using Microsoft.AspNetCore.Http;

namespace FuncSse.Topics;

/// <summary>What both results share: names from a path, and answers of one line.</summary>
internal static class TopicAnswer
{
    /// <summary>What the address of a topic takes: streams and publishing are two endpoints on one address.</summary>
    public const string Methods = "GET, HEAD, POST, OPTIONS";

    private const int MaxShown = 100;

    /// <summary>
    /// The name in a path. Servers decode a path except for <c>%2F</c>, which is <c>/</c> here. It is replaced once, so that what is encoded
    /// twice keeps a percent sign, which no name has.
    /// </summary>
    public static string Decode(string name) => name.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);

    /// <summary>Says in one line that this is not a topic's name.</summary>
    public static string WrongName(string? name)
    {
        string shown = string.Concat((name ?? "").Take(MaxShown).Where(c => c is >= ' ' and <= '~'));
        return $"'{shown}' is not the name of a topic: 1 to 256 letters, digits and -._~:@,/ without an empty segment, '.' or '..'.";
    }

    /// <summary>Says after RFC 6750 §3 that the request may not subscribe.</summary>
    /// <param name="http">The request.</param>
    /// <param name="isKnown">Whether it is only these topics that it may not have.</param>
    public static Task RefuseAsync(HttpContext http, bool isKnown)
    {
        bool isTicketThere = TicketRequest.Find(http.Request) is not null;
        http.Response.Headers.WWWAuthenticate = isKnown ? "Bearer error=\"insufficient_scope\"" : isTicketThere ? "Bearer error=\"invalid_token\"" : "Bearer";
        return isKnown
            ? WriteAsync(http, StatusCodes.Status403Forbidden, "These topics, or some of them, are not for you.")
            : WriteAsync(http, StatusCodes.Status401Unauthorized, isTicketThere ? "The ticket is not valid, or no longer." : "A ticket is needed.");
    }

    public static Task WriteAsync(HttpContext http, int status, string line)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "text/plain; charset=utf-8";
        http.Response.Headers.CacheControl = "no-store";
        return HttpMethods.IsHead(http.Request.Method) ? Task.CompletedTask : http.Response.WriteAsync(line, http.RequestAborted);
    }
}
