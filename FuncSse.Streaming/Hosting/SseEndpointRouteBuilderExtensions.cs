using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace FuncSse.Streaming;

/// <summary>Maps feeds to addresses.</summary>
public static class SseEndpointRouteBuilderExtensions
{
    /// <summary>
    /// Serves a feed as an event stream. It answers GET, HEAD and OPTIONS, which health probes and the pages of other origins need, and POST
    /// too where the stream is not resumable.
    /// </summary>
    /// <typeparam name="T">The type of the feed's data.</typeparam>
    /// <param name="endpoints">Where the route is added.</param>
    /// <param name="pattern">The route pattern.</param>
    /// <param name="feed">The source of the events. It is called once for each stream.</param>
    /// <param name="options">Options of these streams.</param>
    /// <returns>A builder for the conventions of the endpoint.</returns>
    public static IEndpointConventionBuilder MapServerSentEvents<T>(
        this IEndpointRouteBuilder endpoints, [StringSyntax("Route")] string pattern, SseFeed<T> feed, SseStreamOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(feed);
        return endpoints.MapServerSentEvents(pattern, _ => feed, options);
    }

    /// <summary>Does the same as the other overload, with a feed that depends on the request.</summary>
    /// <typeparam name="T">The type of the feed's data.</typeparam>
    /// <param name="endpoints">Where the route is added.</param>
    /// <param name="pattern">The route pattern.</param>
    /// <param name="getFeed">Gets the feed for a request. It is called for each GET, HEAD, POST and OPTIONS, and should only look at the request.</param>
    /// <param name="options">Options of these streams.</param>
    /// <returns>A builder for the conventions of the endpoint.</returns>
    public static IEndpointConventionBuilder MapServerSentEvents<T>(
        this IEndpointRouteBuilder endpoints, [StringSyntax("Route")] string pattern, Func<HttpContext, SseFeed<T>> getFeed, SseStreamOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        ArgumentNullException.ThrowIfNull(getFeed);
        string[] methods = [HttpMethods.Get, HttpMethods.Head, HttpMethods.Options];
        return endpoints
            .MapMethods(
                pattern,
                options?.IsResumable == false ? [.. methods, HttpMethods.Post] : methods,
                http => new SseStreamResult<T>(getFeed(http), options: options).ExecuteAsync(http))
            .WithMetadata([getFeed.Method, .. StreamMetadata.For<T>()]); // OpenAPI describes endpoints that have a method.
    }
}
