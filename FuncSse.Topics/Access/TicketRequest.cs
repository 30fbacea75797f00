using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;

namespace FuncSse.Topics;

/// <summary>Finds the ticket in a request.</summary>
internal static class TicketRequest
{
    private const string Scheme = "Bearer";
    private const string QueryName = "access_token";

    /// <summary>Whether the query has more than one ticket, so that it is unclear which one counts.</summary>
    public static bool IsAmbiguous(HttpRequest request) => FindInQuery(request.QueryString).Count > 1;

    /// <summary>
    /// Finds the ticket in the header, the cookie or the query, in this order; <see langword="null"/> for none. The first one that is present
    /// counts, even if it is invalid: to look further would hide a mistake of the app.
    /// </summary>
    public static string? Find(HttpRequest request) =>
        FindInHeader(request) ?? request.Cookies[ITopicTickets.CookieName] ?? FindInQuery(request.QueryString).Last;

    // Other schemes are ignored. Two tickets count as an invalid one.
    private static string? FindInHeader(HttpRequest request)
    {
        string[] bearers = [.. request.Headers.Authorization.OfType<string>().Where(IsBearer)];
        return bearers.Length == 0 ? null : bearers.Length == 1 ? bearers[0][Scheme.Length..].Trim(' ') : "";
    }

    private static bool IsBearer(string value) =>
        value.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) && (value.Length == Scheme.Length || value[Scheme.Length] == ' ');

    // request.Query would keep the whole parsed query in memory for as long as the stream lasts.
    private static (int Count, string? Last) FindInQuery(QueryString query)
    {
        (int Count, string? Last) found = default;
        foreach (QueryStringEnumerable.EncodedNameValuePair pair in new QueryStringEnumerable(query.Value))
        {
            if (pair.DecodeName().Span.Equals(QueryName, StringComparison.OrdinalIgnoreCase))
            {
                found = (found.Count + 1, pair.DecodeValue().ToString());
            }
        }

        return found;
    }
}
