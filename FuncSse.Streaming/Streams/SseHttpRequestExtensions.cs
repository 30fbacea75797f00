using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Primitives;

namespace FuncSse.Streaming;

/// <summary>What a request says about the stream that its client wants.</summary>
internal static class SseHttpRequestExtensions
{
    public const string LastEventIdHeader = "Last-Event-ID";

    private const string LastEventIdQuery = "lastEventId";

    // The header is the browser's own word on where it was, while a page's query is the same on each return (WHATWG HTML §9.2.3).
    public static string? GetLastEventId(this HttpRequest request)
    {
        StringValues id = request.Headers.TryGetValue(LastEventIdHeader, out StringValues header) ? header : FromQuery(request.QueryString);
        return StringValues.IsNullOrEmpty(id) ? null : id.ToString();
    }

    // Not by request.Query, which would keep all that a client put there for as long as the stream.
    private static string? FromQuery(QueryString query)
    {
        foreach (QueryStringEnumerable.EncodedNameValuePair pair in new QueryStringEnumerable(query.Value))
        {
            if (pair.DecodeName().Span.Equals(LastEventIdQuery, StringComparison.OrdinalIgnoreCase))
            {
                return pair.DecodeValue().ToString();
            }
        }

        return null;
    }
}
