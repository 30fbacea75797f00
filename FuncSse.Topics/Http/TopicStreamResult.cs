using System.Reflection;
using FuncSse.Streaming;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.Extensions.DependencyInjection;

namespace FuncSse.Topics;

/// <summary>
/// Answers a request with the stream of one topic, or of the topics in the query: <c>?topic=a&amp;topic=orders/*</c>. It answers HEAD and
/// OPTIONS too. A client that comes back with its last event id receives all events that it missed.
/// </summary>
/// <remarks>
/// It answers 400 to a wrong name. Where the app has a <see cref="TopicOptions.SigningKey"/> or an <see cref="ITopicAuthorization"/>, it
/// answers 401 or 403 to clients without access to the topics. All other answers are 200, since a browser does not come back after any other
/// status. It needs <see cref="TopicServiceCollectionExtensions.AddTopics(IServiceCollection, Action{TopicOptions}?)"/>.
/// </remarks>
/// <param name="name">
/// The topic's name or pattern from the route's catch-all parameter (<c>topics/{*name}</c>); <see langword="null"/> or empty for the topics
/// of the query.
/// </param>
/// <param name="hostCancelled">On Azure Functions, the token of the <c>FunctionContext</c>, as for <see cref="SseStreamResult{T}"/>.</param>
/// <param name="options">Options of this stream.</param>
#pragma warning disable CA1068 // Most callers pass a token and no options.
public sealed class TopicStreamResult(string? name = null, CancellationToken hostCancelled = default, SseStreamOptions? options = null)
    : IResult, IEndpointMetadataProvider
#pragma warning restore CA1068
{
    /// <inheritdoc/>
    public Task ExecuteAsync(HttpContext httpContext)
    {
        ArgumentNullException.ThrowIfNull(httpContext);
        IServiceProvider services = httpContext.RequestServices;
        TopicOptions topicOptions = TopicAnswer.Require<TopicOptions>(services);
        StreamServices streams = services.GetRequiredService<StreamServices>();
        SseStreamSettings settings = streams.Settings(options);
        SseCors.Allow(httpContext, settings.AllowedOrigins);
        if (HttpMethods.IsOptions(httpContext.Request.Method))
        {
            SseCors.AnswerPreflight(httpContext, TopicAnswer.Methods);
            return Task.CompletedTask;
        }

        if (FindTopics(httpContext.Request, topicOptions, out string? refusal) is not { } topics)
        {
            return TopicAnswer.WriteAsync(httpContext, StatusCodes.Status400BadRequest, refusal!);
        }

        if (TicketRequest.IsAmbiguous(httpContext.Request))
        {
            return TopicAnswer.WriteAsync(httpContext, StatusCodes.Status400BadRequest, "The query has ?access_token= more than once.");
        }

        ValueTask<TopicAuthorizationResult> access = services.GetRequiredService<SubscribeAccess>().CheckAsync(httpContext, topics);
        return access.IsCompletedSuccessfully
            ? AnswerAsync(httpContext, streams, settings, topics, access.Result)
            : WaitAsync(httpContext, streams, settings, topics, access);
    }

    /// <summary>What OpenAPI says of the endpoint.</summary>
    internal static void AddMetadata(EndpointBuilder builder)
    {
        builder.Metadata.Add(new ProducesResponseTypeMetadata(StatusCodes.Status200OK, typeof(string), ["text/event-stream"]));
        foreach (int status in (int[])[StatusCodes.Status400BadRequest, StatusCodes.Status401Unauthorized, StatusCodes.Status403Forbidden])
        {
            builder.Metadata.Add(new ProducesResponseTypeMetadata(status, typeof(string), ["text/plain"]));
        }
    }

    static void IEndpointMetadataProvider.PopulateMetadata(MethodInfo method, EndpointBuilder builder) => AddMetadata(builder);

    private async Task WaitAsync(
        HttpContext http, StreamServices streams, SseStreamSettings settings, TopicSet topics, ValueTask<TopicAuthorizationResult> access) =>
        await AnswerAsync(http, streams, settings, topics, await access);

    private Task AnswerAsync(
        HttpContext http, StreamServices streams, SseStreamSettings settings, TopicSet topics, TopicAuthorizationResult access)
    {
        if (access == TopicAuthorizationResult.Challenge || access == TopicAuthorizationResult.Deny)
        {
            return TopicAnswer.RefuseAsync(http, isAuthenticated: access == TopicAuthorizationResult.Deny);
        }

        SseResponse.WriteHeaders(http);
        if (HttpMethods.IsHead(http.Request.Method))
        {
            return Task.CompletedTask;
        }

        SseResponse.OptOut(http);
        TopicHub hub = http.RequestServices.GetRequiredService<TopicHub>();
        var stream = new TopicStream(http, streams, settings, hub, topics, hostCancelled)
        {
            Client = streams.Clients.GetKey(http, access.Subject),
            AllowedUntil = access.Until,
        };
        return access.IsAllowed && streams.TryEnter(http.TraceIdentifier, stream.Client)
            ? stream.RunAsync(http.Request.GetLastEventId())
            : SseResponse.RefuseAsync(http, streams, settings);
    }

    private TopicSet? FindTopics(HttpRequest request, TopicOptions topicOptions, out string? refusal)
    {
        string?[] names = string.IsNullOrEmpty(name) ? [.. request.Query["topic"]] : [TopicAnswer.Decode(name)];
        refusal = names.Length == 0 ? "A topic is missing: put its name in the path, or ?topic= in the query, once or more."
            : names.Length > topicOptions.MaxTopicsPerStream ? $"A stream has at most {topicOptions.MaxTopicsPerStream} topics."
            : Array.Find(names, topic => !TopicName.IsValidToSubscribe(topic)) is { } wrong ? TopicName.Refuse(wrong)
            : null;
        return refusal is null ? new TopicSet(names!) : null;
    }
}
