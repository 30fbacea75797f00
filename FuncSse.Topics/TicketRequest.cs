using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;

namespace FuncSse.Topics;

/// <summary>The ticket that a request presents.</summary>
internal static class TicketRequest
{
    private const string Scheme = "Bearer";
    private const string QueryName = "access_token";

    /// <summary>
    /// Finds the ticket: in the header, else in the cookie, else in the query. The first that is present is the one, whatever it is worth:
    /// one that is passed over would hide a mistake.
    /// </summary>
    /// <param name="request">The request.</param>
    /// <param name="ticket">The ticket, <see langword="null"/> for none.</param>
    /// <returns>Whether there is one at most in the query.</returns>
    public static bool TryFind(HttpRequest request, out string? ticket)
    {
        bool isClear = TryFindInQuery(request.QueryString, out string? inQuery);
        ticket = FindInHeader(request) ?? request.Cookies[ITopicTickets.CookieName] ?? inQuery;
        return isClear;
    }

    // Another scheme is another's business. Two tickets are none, and a bad one.
    private static string? FindInHeader(HttpRequest request)
    {
        string[] bearers = [.. request.Headers.Authorization.OfType<string>().Where(IsBearer)];
        return bearers.Length == 0 ? null : bearers.Length == 1 ? bearers[0][Scheme.Length..].Trim(' ') : "";
    }

    private static bool IsBearer(string value) =>
        value.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) && (value.Length == Scheme.Length || value[Scheme.Length] == ' ');

    // request.Query would keep everything that a client put there for as long as the stream.
    private static bool TryFindInQuery(QueryString query, out string? ticket)
    {
        ticket = null;
        foreach (QueryStringEnumerable.EncodedNameValuePair pair in new QueryStringEnumerable(query.Value))
        {
            if (pair.DecodeName().Span.Equals(QueryName, StringComparison.OrdinalIgnoreCase))
            {
                if (ticket is not null)
                {
                    return false;
                }

                ticket = pair.DecodeValue().ToString();
            }
        }

        return true;
    }
}
