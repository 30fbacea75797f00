using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace FuncSse.Streaming;

/// <summary>
/// The answer to the browser's question whether a page of another origin may read the stream (Fetch §3.2). The app gives it by itself:
/// the Functions pipeline has no place for CORS middleware, and the platform's own would overwrite it.
/// </summary>
internal static class SseCors
{
    public static void Allow(HttpContext http, SseOptions options)
    {
        IHeaderDictionary headers = http.Response.Headers;
        if (options.AllowedOrigins is ["*"])
        {
            headers.AccessControlAllowOrigin = "*";
            return;
        }

        if (options.AllowedOrigins is ["none"])
        {
            return;
        }

        headers.Vary = HeaderNames.Origin;
        StringValues origin = http.Request.Headers.Origin;
        if (origin.Count == 1 && options.AllowedOrigins.Contains(origin.ToString(), StringComparer.Ordinal))
        {
            headers.AccessControlAllowOrigin = origin;
        }
    }

    /// <summary>What a preflight asks beside: browsers' own <c>EventSource</c> needs none, its replacements send headers of their own.</summary>
    public static void AnswerPreflight(HttpContext http)
    {
        IHeaderDictionary headers = http.Response.Headers;
        headers.AccessControlAllowMethods = "GET, HEAD, OPTIONS";
        headers.AccessControlAllowHeaders = "Last-Event-ID, Cache-Control, *";
        headers.AccessControlMaxAge = "86400"; // Seconds: a day, beyond which browsers ask again anyway.
        http.Response.StatusCode = StatusCodes.Status204NoContent;
    }
}
