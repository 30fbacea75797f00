using System.Buffers;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace FuncSse.Streaming;

/// <summary>
/// The answer to the browser's question whether a page of another origin may read the stream (Fetch §3.2). The app gives it by itself:
/// the Functions pipeline has no place for CORS middleware, and the platform's own would overwrite it.
/// </summary>
internal static class SseCors
{
    /// <summary>What a list of origins may hold, for messages.</summary>
    public const string Allowed =
        "none, *, or origins as browsers send them, separated by spaces, such as https://example.com https://*.example.com http://localhost:3000 null";

    private static readonly SearchValues<char> HostCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-_.");

    /// <summary>Whether a list is <c>none</c>, <c>*</c>, or one of origins and patterns. An empty list does not mean all.</summary>
    public static bool IsAllowed(IReadOnlyList<string> origins) =>
        origins is ["*"] or ["none"] || (origins.Count > 0 && origins.All(IsOrigin));

    public static void Allow(HttpContext http, IReadOnlyList<string> allowed)
    {
        IHeaderDictionary headers = http.Response.Headers;
        if (allowed is ["none"] || headers.ContainsKey(HeaderNames.AccessControlAllowOrigin))
        {
            return; // What the app's own middleware has answered stays.
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
    /// What a preflight asks in addition. Browsers' own <c>EventSource</c> needs none; its replacements send headers and methods of their
    /// own. The star does not cover <c>authorization</c> (Fetch §3.2.3).
    /// </summary>
    /// <param name="http">The request.</param>
    /// <param name="methods">The methods of the address, where several endpoints share it.</param>
    public static void AnswerPreflight(HttpContext http, string? methods = null)
    {
        IHeaderDictionary headers = http.Response.Headers;
        headers.AccessControlAllowMethods = methods ?? string.Join(", ", Methods(http));
        headers.AccessControlAllowHeaders = "authorization, content-type, last-event-id, x-functions-key, cache-control, *";
        headers.AccessControlMaxAge = "86400"; // Seconds: a day, beyond which browsers ask again anyway.
        http.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    // The endpoint's own where it tells them; else the one that is asked for, since the platform has refused others already.
    private static IEnumerable<string> Methods(HttpContext http)
    {
        if (http.GetEndpoint()?.Metadata.GetMetadata<IHttpMethodMetadata>() is { HttpMethods.Count: > 0 } endpoint)
        {
            return endpoint.HttpMethods;
        }

        string[] methods = [HttpMethods.Get, HttpMethods.Head, HttpMethods.Options];
        string asked = http.Request.Headers.AccessControlRequestMethod.ToString();
        return asked.Length is > 0 and < 20 && asked.All(char.IsAsciiLetter) && !methods.Contains(asked) ? [.. methods, asked] : methods;
    }

    private static bool Matches(string entry, string origin)
    {
        int star = entry.IndexOf('*', StringComparison.Ordinal);
        return star < 0
            ? entry == origin
            : origin.Length >= entry.Length
              && origin.StartsWith(entry[..star], StringComparison.Ordinal)
              && origin.EndsWith(entry[(star + 1)..], StringComparison.Ordinal)
              && !origin.AsSpan(star, origin.Length - entry.Length + 1).ContainsAnyExcept(HostCharacters);
    }

    // Scheme, host in ASCII, and the port unless it is the scheme's own: browsers send nothing else (RFC 6454 §6.2).
    private static bool IsOrigin(string entry)
    {
        string text = entry.Replace("://*.", "://any.", StringComparison.Ordinal);
        return entry == "null"
            || (!text.Contains('*', StringComparison.Ordinal)
                && Uri.TryCreate(text, UriKind.Absolute, out Uri? uri)
                && text == $"{uri.Scheme}://{(uri.HostNameType == UriHostNameType.IPv6 ? uri.Host : uri.IdnHost)}{(uri.IsDefaultPort ? "" : $":{uri.Port}")}");
    }
}
