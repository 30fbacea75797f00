using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace FuncSse.Topics;

/// <summary>Whether a request may publish: with a key, or from this machine during development if the options have no key.</summary>
internal static class PublishAccess
{
    /// <summary>
    /// The key of the options that the request has; <see langword="null"/> if it has none of them. The header wins over the query, as on Azure
    /// Functions.
    /// </summary>
    public static string? FindKey(HttpRequest request, TopicOptions options)
    {
        if (options.PublishKey.Count == 0)
        {
            return null;
        }

        string? text = request.Headers["x-functions-key"] is { Count: > 0 } header ? header.ToString()
            : request.Query["code"] is { Count: > 0 } query ? query.ToString() : null;

        // Every key is compared, in a time that tells nothing about the keys but their length.
        byte[] given = Encoding.UTF8.GetBytes(text ?? "");
        string? found = null;
        foreach (string key in options.PublishKey)
        {
            if (CryptographicOperations.FixedTimeEquals(given, Encoding.UTF8.GetBytes(key)))
            {
                found = key;
            }
        }

        return text is null ? null : found;
    }

    /// <summary>
    /// Whether the request may publish although it has no key: the options have none, and it comes from this machine during development. A proxy on
    /// this machine cannot be told from a program on it, so this is not allowed outside of development.
    /// </summary>
    public static bool IsAllowedWithoutKey(HttpContext http, TopicOptions options) =>
        options.PublishKey.Count == 0
        && http.RequestServices.GetService<IHostEnvironment>()?.IsDevelopment() == true
        && IsFromThisMachine(http);

    // Two kinds of strangers have a loopback address: clients behind a proxy on this machine, and pages of other sites in a browser on this
    // machine, which can send a request here or use a host name that resolves to loopback.
    private static bool IsFromThisMachine(HttpContext http)
    {
        IHeaderDictionary headers = http.Request.Headers;
        return http.Connection.RemoteIpAddress is { } address
            && IPAddress.IsLoopback(address)
            && !IsForwarded(headers)
            && IsLoopback(http.Request.Host.Host)
            && (headers.Origin.Count == 0 || headers.Origin == $"{http.Request.Scheme}://{http.Request.Host}")
            && headers["Sec-Fetch-Site"] is { Count: 0 } or ["same-origin"] or ["none"];
    }

    private static bool IsForwarded(IHeaderDictionary headers)
    {
        foreach ((string name, _) in headers)
        {
            if (name.Equals("Forwarded", StringComparison.OrdinalIgnoreCase)
                || name.StartsWith("X-Forwarded-", StringComparison.OrdinalIgnoreCase)
                || name.Equals("X-Real-IP", StringComparison.OrdinalIgnoreCase)
                || name.Equals("Via", StringComparison.OrdinalIgnoreCase))
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsLoopback(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || (IPAddress.TryParse(host.Trim('[', ']'), out IPAddress? address) && IPAddress.IsLoopback(address));
}
