using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;

namespace FuncSse.Topics;

/// <summary>The ticket that a request presents.</summary>
internal static class TicketRequest
{
    private const string Scheme = "Bearer";
    private const string QueryName = "access_token";

    /// <summary>Whether there is more than one in the query, of which nobody could say which one counts.</summary>
    public static bool IsAmbiguous(HttpRequest request) => FindInQuery(request.QueryString).Count > 1;

    /// <summary>
    /// Finds the ticket: in the header, else in the cookie, else in the query; <see langword="null"/> for none. The first that is present is
    /// the one, whatever it is worth: one that is passed over would hide a mistake.
    /// </summary>
    public static string? Find(HttpRequest request) =>
        FindInHeader(request) ?? request.Cookies[ITopicTickets.CookieName] ?? FindInQuery(request.QueryString).Last;

    // Another scheme is another's business. Two tickets are none, and a bad one.
    private static string? FindInHeader(HttpRequest request)
    {
        string[] bearers = [.. request.Headers.Authorization.OfType<string>().Where(IsBearer)];
        return bearers.Length == 0 ? null : bearers.Length == 1 ? bearers[0][Scheme.Length..].Trim(' ') : "";
    }

    private static bool IsBearer(string value) =>
        value.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) && (value.Length == Scheme.Length || value[Scheme.Length] == ' ');

    // request.Query would keep everything that a client put there for as long as the stream.
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
