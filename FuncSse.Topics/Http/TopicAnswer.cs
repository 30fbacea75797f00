using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace FuncSse.Topics;

/// <summary>What both results share: the decoding of a name in a path, and answers of one line.</summary>
internal static class TopicAnswer
{
    /// <summary>The methods of a topic's address, which has two endpoints: one streams and one publishes.</summary>
    public const string Methods = "GET, HEAD, POST, OPTIONS";

    /// <summary>
    /// Decodes the name in a path. Servers decode a path except for <c>%2F</c>, which becomes <c>/</c> here. A name that was encoded twice
    /// keeps a percent sign and is refused, since no name has one.
    /// </summary>
    public static string Decode(string name) => name.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);

    /// <summary>The services that <c>AddTopics</c> adds.</summary>
    /// <exception cref="InvalidOperationException">It was not called.</exception>
    public static T Require<T>(IServiceProvider services)
        where T : notnull =>
        services.GetService<T>() ?? throw new InvalidOperationException("Topics are missing: call builder.Services.AddTopics(…) in Program.cs.");

    /// <summary>Refuses a subscriber (RFC 6750 §3).</summary>
    /// <param name="http">The request.</param>
    /// <param name="isAuthenticated">Whether the client is known, and only lacks access to these topics.</param>
    public static Task RefuseAsync(HttpContext http, bool isAuthenticated)
    {
        bool hasTicket = TicketRequest.Find(http.Request) is not null;
        http.Response.Headers.WWWAuthenticate = isAuthenticated ? "Bearer error=\"insufficient_scope\"" : hasTicket ? "Bearer error=\"invalid_token\"" : "Bearer";
        return isAuthenticated
            ? WriteAsync(http, StatusCodes.Status403Forbidden, "Access denied to one or more of these topics.")
            : WriteAsync(http, StatusCodes.Status401Unauthorized, hasTicket ? "The ticket is invalid or has expired." : "A ticket is needed.");
    }

    public static Task WriteAsync(HttpContext http, int status, string line)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "text/plain; charset=utf-8";
        http.Response.Headers.CacheControl = "no-store";
        if (HttpMethods.IsHead(http.Request.Method))
        {
            return Task.CompletedTask;
        }

        http.Response.ContentLength = Encoding.UTF8.GetByteCount(line); // Without it the answer is two chunks.
        return http.Response.WriteAsync(line, http.RequestAborted);
    }

    /// <summary>Reads the body of a request; <see langword="null"/> if it has more bytes.</summary>
    public static async ValueTask<byte[]?> ReadBodyAsync(HttpRequest request, int max)
    {
        if (request.ContentLength > max)
        {
            return null;
        }

        while (true)
        {
            ReadResult read = await request.BodyReader.ReadAsync(request.HttpContext.RequestAborted);
            if (read.Buffer.Length > max || read.IsCompleted)
            {
                byte[]? data = read.Buffer.Length > max ? null : read.Buffer.ToArray();
                request.BodyReader.AdvanceTo(read.Buffer.End);
                return data;
            }

            request.BodyReader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }
}
