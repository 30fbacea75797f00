using FuncSse.Streaming;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace FuncSse.Topics;

/// <summary>
/// Answers a request with the stream of a topic, or of the topics that the query names: <c>?topic=a&amp;topic=orders/*</c>. It answers HEAD
/// and OPTIONS too. A client that comes back with its last event id gets all that it missed.
/// </summary>
/// <remarks>
/// It answers 400 to a wrong name, and with a <see cref="TopicOptions.SigningKey"/> or an <see cref="ITopicAuthorization"/> 401 or 403 to
/// who may not have the topics. It answers 200 to everyone else, since a browser comes back after nothing else. It needs
/// <see cref="TopicServiceCollectionExtensions.AddTopics(IServiceCollection, Action{TopicOptions}?)"/>.
/// </remarks>
/// <param name="name">
/// The topic's name or pattern, as the route's catch-all parameter has it (<c>topics/{*name}</c>); <see langword="null"/> or empty for the
/// topics of the query.
/// </param>
/// <param name="hostCancelled">As for <see cref="SseStreamResult{T}"/>: on Azure Functions the <c>FunctionContext</c>'s token.</param>
/// <param name="options">Options of this stream.</param>
#pragma warning disable CA1068 // Most give a token and no options.
public sealed class TopicStreamResult(string? name = null, CancellationToken hostCancelled = default, SseStreamOptions? options = null) : IResult
#pragma warning restore CA1068
{
    /// <inheritdoc/>
    public Task ExecuteAsync(HttpContext httpContext)
    {
        ArgumentNullException.ThrowIfNull(httpContext);
        IServiceProvider services = httpContext.RequestServices;
        StreamServices streams = services.GetRequiredService<StreamServices>();
        SseStreamSettings settings = streams.Settings(options);
        SseCors.Allow(httpContext, settings.AllowedOrigins);
        if (HttpMethods.IsOptions(httpContext.Request.Method))
        {
            SseCors.AnswerPreflight(httpContext, TopicAnswer.Methods);
            return Task.CompletedTask;
        }

        if (FindTopics(httpContext.Request, services.GetRequiredService<TopicOptions>(), out string? refusal) is not { } topics)
        {
            return TopicAnswer.WriteAsync(httpContext, StatusCodes.Status400BadRequest, refusal!);
        }

        if (TicketRequest.IsAmbiguous(httpContext.Request))
        {
            return TopicAnswer.WriteAsync(httpContext, StatusCodes.Status400BadRequest, "?access_token= is there more than once.");
        }

        ValueTask<TopicAuthorizationResult> access = services.GetRequiredService<TopicAccess>().CheckAsync(httpContext, topics);
        return access.IsCompletedSuccessfully
            ? AnswerAsync(httpContext, streams, settings, topics, access.Result)
            : WaitAsync(httpContext, streams, settings, topics, access);
    }

    private async Task WaitAsync(
        HttpContext http, StreamServices streams, SseStreamSettings settings, TopicSet topics, ValueTask<TopicAuthorizationResult> access) =>
        await AnswerAsync(http, streams, settings, topics, await access);

    private Task AnswerAsync(
        HttpContext http, StreamServices streams, SseStreamSettings settings, TopicSet topics, TopicAuthorizationResult access)
    {
        if (access == TopicAuthorizationResult.Challenge || access == TopicAuthorizationResult.Deny)
        {
            return TopicAnswer.RefuseAsync(http, isKnown: access == TopicAuthorizationResult.Deny);
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
        refusal = names.Length == 0 ? "A topic is needed: its name in the path, or ?topic= once or more."
            : names.Length > topicOptions.MaxTopicsPerStream ? $"A stream has at most {topicOptions.MaxTopicsPerStream} topics."
            : Array.Find(names, topic => !TopicName.IsValidToSubscribe(topic)) is { } wrong ? TopicAnswer.WrongName(wrong)
            : null;
        return refusal is null ? new TopicSet(names!) : null;
    }
}
