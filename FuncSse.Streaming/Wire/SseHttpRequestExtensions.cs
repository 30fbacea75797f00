using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Primitives;

namespace FuncSse.Streaming;

/// <summary>Reads what a request says about the stream that its client wants.</summary>
public static class SseHttpRequestExtensions
{
    internal const string LastEventIdHeader = "Last-Event-ID";

    private static readonly string[] s_lastEventIdNames = ["lastEventId", "last_event_id"];

    /// <summary>
    /// The id of the last event that the client saw: the header <c>Last-Event-ID</c>, or <c>?lastEventId=</c> or <c>?last_event_id=</c> for
    /// clients that cannot set the header. The header comes first, because the browser sets it, and a page's query is the same on each
    /// reconnect (WHATWG HTML §9.2.3). A header that is empty or was sent twice counts as none.
    /// </summary>
    /// <param name="request">The request.</param>
    /// <returns>The id as the client sent it, which may be any text; <see langword="null"/> for none.</returns>
    public static string? GetLastEventId(this HttpRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        StringValues header = request.Headers[LastEventIdHeader];
        return header.Count == 1 && header.ToString() is { Length: > 0 } id ? id : request.FindInQuery(s_lastEventIdNames);
    }

    /// <summary>Whether a name in the query is one of those of the last event id.</summary>
    internal static bool IsLastEventId(ReadOnlySpan<char> name) => IsAny(name, s_lastEventIdNames);

    /// <summary>The first value of any of these names in the query; <see langword="null"/> for none or an empty one.</summary>
    // request.Query would keep everything in the query for as long as the stream is open.
    internal static string? FindInQuery(this HttpRequest request, params ReadOnlySpan<string> names)
    {
        foreach (QueryStringEnumerable.EncodedNameValuePair pair in new QueryStringEnumerable(request.QueryString.Value))
        {
            if (IsAny(pair.DecodeName().Span, names))
            {
                return pair.DecodeValue() is { Length: > 0 } value ? value.ToString() : null;
            }
        }

        return null;
    }

    /// <summary>All values of a name in the query, empty ones too.</summary>
    internal static IReadOnlyList<string> FindAllInQuery(this HttpRequest request, string name)
    {
        List<string>? values = null;
        foreach (QueryStringEnumerable.EncodedNameValuePair pair in new QueryStringEnumerable(request.QueryString.Value))
        {
            if (IsAny(pair.DecodeName().Span, [name]))
            {
                (values ??= []).Add(pair.DecodeValue().ToString());
            }
        }

        return values ?? (IReadOnlyList<string>)[];
    }

    private static bool IsAny(ReadOnlySpan<char> found, ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            if (found.Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                return true;
            }
        }

        return false;
    }
}
