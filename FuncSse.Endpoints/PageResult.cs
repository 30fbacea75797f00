using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace FuncSse.Endpoints;

/// <summary>
/// Answers with a page, or with a module that it imports, from one file. The content security policy of a page lets it run its own script
/// and style and the modules of its origin, and nothing else. The policy names the first two by their hashes, so a change of the page needs
/// no change here.
/// </summary>
public sealed partial class PageResult : IResult
{
    private readonly byte[] _content;
    private readonly EntityTagHeaderValue _tag;
    private readonly string _type;
    private readonly string _policy;

    /// <summary>Reads the file, once for all requests.</summary>
    /// <param name="path">
    /// The file, <c>.html</c> or <c>.js</c> in UTF-8, relative to the app's own folder: on Azure, the current folder is a different one.
    /// </param>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public PageResult(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        bool isModule = path.EndsWith(".js", StringComparison.Ordinal);
        _content = File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, path));
        _tag = new EntityTagHeaderValue($"\"{Convert.ToHexString(SHA256.HashData(_content)[..8])}\"");
        _type = isModule ? "text/javascript; charset=utf-8" : "text/html; charset=utf-8";
        _policy = isModule ? "default-src 'none'" : Policy(Encoding.UTF8.GetString(_content));
    }

    /// <inheritdoc/>
    public Task ExecuteAsync(HttpContext httpContext)
    {
        ArgumentNullException.ThrowIfNull(httpContext);
        IHeaderDictionary headers = httpContext.Response.Headers;
        headers.ContentSecurityPolicy = _policy;
        headers.CacheControl = "no-cache"; // Browsers keep the page, and ask each time whether it has changed.
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        return TypedResults.Bytes(_content, _type, entityTag: _tag).ExecuteAsync(httpContext);
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
