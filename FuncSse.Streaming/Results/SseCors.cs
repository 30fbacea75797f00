using System.Buffers;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace FuncSse.Streaming;

/// <summary>
/// Tells the browser whether a page of another origin may read the stream (Fetch §3.2). The app does this itself, because CORS middleware
/// has no place in the pipeline of Azure Functions, and the platform's own CORS setting would overwrite the answer.
/// </summary>
internal static class SseCors
{
    /// <summary>What a list of origins may contain, for messages.</summary>
    public const string Allowed =
        "none, *, or origins as browsers send them, separated by spaces, such as https://example.com https://*.example.com http://localhost:3000 null";

    private static readonly SearchValues<char> s_hostCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-_.");

    /// <summary>Whether a list is <c>none</c>, <c>*</c>, or one of origins and patterns. An empty list does not mean all.</summary>
    public static bool IsAllowed(IReadOnlyList<string> origins) =>
        origins is ["*"] or ["none"] || (origins.Count > 0 && origins.All(IsOrigin));

    public static void Allow(HttpContext http, IReadOnlyList<string> allowed)
    {
        IHeaderDictionary headers = http.Response.Headers;
        if (allowed is ["none"] || headers.ContainsKey(HeaderNames.AccessControlAllowOrigin))
        {
            return; // The answer of the app's own middleware stays.
        }

        if (allowed is ["*"])
        {
            headers.AccessControlAllowOrigin = "*";
            return;
        }

        if (!headers.GetCommaSeparatedValues(HeaderNames.Vary).Contains(HeaderNames.Origin, StringComparer.OrdinalIgnoreCase))
        {
            headers.Append(HeaderNames.Vary, HeaderNames.Origin);
        }

        StringValues origin = http.Request.Headers.Origin;
        if (origin.Count == 1 && allowed.Any(entry => Matches(entry, origin.ToString())))
        {
            headers.AccessControlAllowOrigin = origin;
            headers.AccessControlAllowCredentials = "true";
        }
    }

    /// <summary>
    /// Answers a preflight. The browser's own <c>EventSource</c> needs none, but its replacements send other headers and methods. The star
    /// does not cover <c>authorization</c> (Fetch §3.2.3).
    /// </summary>
    /// <param name="http">The request.</param>
    /// <param name="methods">The methods of the address, where several endpoints share it.</param>
    public static void AnswerPreflight(HttpContext http, string? methods = null)
    {
        IHeaderDictionary headers = http.Response.Headers;
        headers.AccessControlAllowMethods = methods ?? string.Join(", ", GetMethods(http));
        headers.AccessControlAllowHeaders = "authorization, content-type, last-event-id, x-functions-key, cache-control, *";
        headers.AccessControlMaxAge = "86400"; // One day in seconds. Browsers ask again after that anyway.
        http.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    // The endpoint's own methods if it has them. If not, the platform has already refused what it does not serve, so everything that is asked for is
    // allowed.
    private static IEnumerable<string> GetMethods(HttpContext http)
    {
        if (http.GetEndpoint()?.Metadata.GetMetadata<IHttpMethodMetadata>() is { HttpMethods.Count: > 0 } endpoint)
        {
            return endpoint.HttpMethods;
        }

        string[] methods = [HttpMethods.Get, HttpMethods.Head, HttpMethods.Options];
        string requested = http.Request.Headers.AccessControlRequestMethod.ToString();
        return requested.Length is > 0 and < 20 && requested.All(char.IsAsciiLetter) && !methods.Contains(requested) ? [.. methods, requested] : methods;
    }

    private static bool Matches(string entry, string origin)
    {
        int star = entry.IndexOf('*', StringComparison.Ordinal);
        return star < 0
            ? entry == origin
            : origin.Length >= entry.Length
              && origin.StartsWith(entry[..star], StringComparison.Ordinal)
              && origin.EndsWith(entry[(star + 1)..], StringComparison.Ordinal)
              && !origin.AsSpan(star, origin.Length - entry.Length + 1).ContainsAnyExcept(s_hostCharacters);
    }

    // Browsers send the scheme, the host in ASCII, and the port unless it is the scheme's default (RFC 6454 §6.2).
    private static bool IsOrigin(string entry)
    {
        string text = entry.Replace("://*.", "://any.", StringComparison.Ordinal);
        return entry == "null"
            || (!text.Contains('*', StringComparison.Ordinal)
                && Uri.TryCreate(text, UriKind.Absolute, out Uri? uri)
                && text == $"{uri.Scheme}://{(uri.HostNameType == UriHostNameType.IPv6 ? uri.Host : uri.IdnHost)}{(uri.IsDefaultPort ? "" : $":{uri.Port}")}");
    }
}
