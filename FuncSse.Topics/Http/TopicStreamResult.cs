using System.Reflection;
using FuncSse.Streaming;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.Extensions.DependencyInjection;

namespace FuncSse.Topics;

/// <summary>
/// Answers a request with the stream of one topic, or of the topics in the query: <c>?topic=a&amp;topic=orders/*</c>. It answers HEAD and
/// OPTIONS too. A new client receives the retained values first. A client that comes back with its last event id receives all events that it missed.
/// </summary>
/// <remarks>
/// It answers 400 to a wrong name or choice. Where the app has a <see cref="TopicOptions.SigningKey"/> or an <see cref="ITopicAuthorization"/>, it
/// answers 401 or 403 to clients without access to the topics. All other answers are 200, since a browser does not come back after any other
/// status; only <c>?values=true</c>, which is no stream, answers 503 while the log cannot be reached. It needs
/// <see cref="TopicServiceCollectionExtensions.AddTopics(IServiceCollection, Action{TopicOptions}?)"/>.
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
    /// <summary>
    /// The types of the events that are sent, <c>message</c> for those without a type; <see langword="null"/>, the default, for what <c>?type=</c> says, or
    /// all.
    /// </summary>
    /// <exception cref="ArgumentException">A type is not allowed.</exception>
    public IReadOnlyList<string>? Types
    {
        get;
        init
        {
            foreach (string type in value ?? [])
            {
                EventType.Normalize(type);
            }

            field = value;
        }
    }

    /// <summary>
    /// Whether the data of each event is one line of JSON with the event's <c>id</c>, <c>topic</c>, <c>type</c>, <c>published</c>, <c>retained</c> and
    /// <c>data</c>; <see langword="null"/>, the default, for what <c>?envelope=</c> says.
    /// </summary>
    public bool? Envelope { get; init; }

    /// <summary>
    /// Whether the stream has position frames; <see langword="null"/>, the default, for what <c>?positions=</c> says, or true. Without them, the
    /// keep-alives are comments, and a client that is cut before its first event comes back as a new one.
    /// </summary>
    public bool? Positions { get; init; }

    /// <summary>
    /// Whether the answer is the retained values as JSON, <c>{"position":"…","values":[…]}</c>, and no stream; <see langword="null"/>, the default, for
    /// what <c>?values=</c> says.
    /// </summary>
    public bool? Values { get; init; }

    /// <summary>
    /// The event id after which a client that sends none begins, or <c>earliest</c>; <see langword="null"/>, the default, for the values and what comes
    /// from now on.
    /// </summary>
    public string? After { get; init; }

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

        if (FindTopics(httpContext.Request, topicOptions, out string? refusal) is not { } topics
            || FindQuery(httpContext.Request, out refusal) is not { } query)
        {
            return TopicAnswer.WriteAsync(httpContext, StatusCodes.Status400BadRequest, refusal!);
        }

        if (TicketRequest.IsAmbiguous(httpContext.Request))
        {
            return TopicAnswer.WriteAsync(httpContext, StatusCodes.Status400BadRequest, "The query has ?access_token= more than once.");
        }

        ValueTask<TopicAuthorizationResult> access = services.GetRequiredService<SubscribeAccess>().CheckAsync(httpContext, topics);
        return access.IsCompletedSuccessfully
            ? AnswerAsync(httpContext, streams, settings, topics, query, access.Result)
            : WaitAsync(httpContext, streams, settings, topics, query, access);
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
        HttpContext http,
        StreamServices streams,
        SseStreamSettings settings,
        TopicSet topics,
        TopicQuery query,
        ValueTask<TopicAuthorizationResult> access) =>
        await AnswerAsync(http, streams, settings, topics, query, await access);

    private Task AnswerAsync(
        HttpContext http, StreamServices streams, SseStreamSettings settings, TopicSet topics, TopicQuery query, TopicAuthorizationResult access)
    {
        if (access == TopicAuthorizationResult.Challenge || access == TopicAuthorizationResult.Deny)
        {
            return TopicAnswer.RefuseAsync(http, isAuthenticated: access == TopicAuthorizationResult.Deny);
        }

        if (query.Values)
        {
            return TopicValuesAnswer.WriteAsync(http, topics, query, isAllowed: access.IsAllowed);
        }

        SseResponse.WriteHeaders(http);
        if (HttpMethods.IsHead(http.Request.Method))
        {
            return Task.CompletedTask;
        }

        SseResponse.OptOut(http);
        TopicHub hub = http.RequestServices.GetRequiredService<TopicHub>();
        var stream = new TopicStream(http, streams, settings, hub, topics, query, access, hostCancelled)
        {
            Client = streams.Clients.GetKey(http, access.Subject),
            AllowedUntil = access.Until,
        };
        return access.IsAllowed && streams.TryEnter(http.TraceIdentifier, stream.Client)
            ? stream.RunAsync(http.Request.GetLastEventId() ?? After)
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

    private TopicQuery? FindQuery(HttpRequest request, out string? refusal)
    {
        refusal = null;
        try
        {
            TopicQuery query = TopicQuery.Read(request);
            return new TopicQuery(
                Types?.Select(EventType.Normalize).ToArray() ?? query.Types,
                Envelope ?? query.Envelope,
                Positions ?? query.Positions,
                Values ?? query.Values);
        }
        catch (ArgumentException exception)
        {
            refusal = exception.Message;
            return null;
        }
    }
}
