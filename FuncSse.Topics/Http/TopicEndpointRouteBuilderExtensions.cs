using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace FuncSse.Topics;

/// <summary>Serves topics from an ASP.NET Core app.</summary>
public static class TopicEndpointRouteBuilderExtensions
{
    /// <summary>
    /// Maps the topics: <c>GET</c> and <c>HEAD</c> of <c>pattern/name</c> stream one topic, those of <c>pattern?topic=a&amp;topic=b</c> several
    /// (<see cref="TopicStreamResult"/>), <c>POST</c> of <c>pattern/name</c> publishes (<see cref="TopicPublishResult"/>), and
    /// <c>OPTIONS</c> answers a page of another origin.
    /// </summary>
    /// <param name="endpoints">The app.</param>
    /// <param name="pattern">The path under which the topics are.</param>
    /// <returns>
    /// A builder for all of these endpoints. <c>RequireAuthorization</c> lets everyone who is signed in read every topic; register an
    /// <see cref="ITopicAuthorization"/>, or use tickets, to decide for each topic.
    /// </returns>
    public static IEndpointConventionBuilder MapTopics(this IEndpointRouteBuilder endpoints, [StringSyntax("Route")] string pattern = "/topics")
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        ArgumentNullException.ThrowIfNull(pattern);
        RouteGroupBuilder topics = endpoints.MapGroup(pattern);
        IEndpointConventionBuilder stream = topics.MapMethods(
            "/{*name}", [HttpMethods.Get, HttpMethods.Head, HttpMethods.Options], http => new TopicStreamResult(FindName(http)).ExecuteAsync(http));
        stream.Add(TopicStreamResult.AddMetadata);
        IEndpointConventionBuilder publish = topics.MapPost("/{*name}", http => new TopicPublishResult(FindName(http)).ExecuteAsync(http));
        publish.Add(TopicPublishResult.AddMetadata);
        return topics;
    }

    private static string? FindName(HttpContext http) => (string?)http.GetRouteValue("name");
}
