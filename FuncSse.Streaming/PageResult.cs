using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace FuncSse.Streaming;

/// <summary>
/// Answers with a page, or a module that it imports. The content security policy of a page lets it run its own scripts and styles, and
/// modules of its origin, and nothing else. The policy names the first by their hashes, so whoever changes the page changes nothing here.
/// </summary>
/// <param name="path">
/// The file, <c>.html</c> or <c>.js</c> in UTF-8, relative to the app's own folder: the current one is another on Azure.
/// </param>
public sealed partial class PageResult(string path) : IResult
{
    /// <inheritdoc/>
    public async Task ExecuteAsync(HttpContext httpContext)
    {
        ArgumentNullException.ThrowIfNull(httpContext);
        byte[] content = await File.ReadAllBytesAsync(Path.Combine(AppContext.BaseDirectory, path), CancellationToken.None);
        IHeaderDictionary headers = httpContext.Response.Headers;
        bool isModule = path.EndsWith(".js", StringComparison.Ordinal);
        headers.ContentSecurityPolicy = isModule ? "default-src 'none'" : Policy(Encoding.UTF8.GetString(content));
        headers.CacheControl = "no-cache"; // Kept, but asked for each time: 304 when it is still the same.
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        var tag = new EntityTagHeaderValue($"\"{Convert.ToHexString(SHA256.HashData(content)[..8])}\"");
        string type = isModule ? "text/javascript; charset=utf-8" : "text/html; charset=utf-8";
        await TypedResults.Bytes(content, type, entityTag: tag).ExecuteAsync(httpContext);
    }

    // The page may ask any server for events; that is what its address field is for.
    private static string Policy(string page) =>
        "default-src 'none'; " +
        $"script-src 'self' {Hashes(Script(), page)}; style-src {Hashes(Style(), page)}; img-src data:; connect-src *; " +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    private static string Hashes(Regex element, string page)
    {
        // As the browser's parser normalises line breaks before it hashes (WHATWG HTML §13.2.3.5).
        page = page.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');
        IEnumerable<string> hashes = element.Matches(page)
            .Select(match => $"'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(match.Groups[1].Value)))}'");
        return string.Join(' ', hashes.DefaultIfEmpty("'none'"));
    }

    [GeneratedRegex("<script(?: type=\"module\")?>(.*?)</script>", RegexOptions.Singleline)]
    private static partial Regex Script();

    [GeneratedRegex("<style>(.*?)</style>", RegexOptions.Singleline)]
    private static partial Regex Style();
}
