using System.Reflection;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.OutputCaching;
using Microsoft.Extensions.DependencyInjection;

namespace FuncSse.Streaming;

/// <summary>
/// Answers a request with an event stream (WHATWG HTML §9.2) that a feed fills, until the client leaves, the stream's lifetime is over
/// or the host wants to stop. It answers HEAD and OPTIONS too, at once. The status is 200 whatever a client sends: with any other a
/// browser would never come back.
/// </summary>
/// <remarks>
/// It needs <see cref="SseServiceCollectionExtensions.AddServerSentEvents(IServiceCollection)"/>. It has no public properties, since the
/// Functions worker serialises what a function returns after executing it.
/// </remarks>
/// <typeparam name="T">The type of the feed's data.</typeparam>
/// <param name="feed">Where the events come from. It is called once, after the headers have left, and not for HEAD and OPTIONS.</param>
/// <param name="hostCancelled">
/// The host's own way of cancelling the request, in addition to <see cref="HttpContext.RequestAborted"/> and the host's shutdown: on Azure
/// Functions the <c>FunctionContext</c>'s token, the only one that fires when <c>functionTimeout</c> passes.
/// </param>
/// <param name="options">Options of this stream.</param>
/// <exception cref="InvalidOperationException">
/// When it is executed: the app's JSON options have no metadata for <typeparamref name="T"/>, as may be with AOT. The client gets a 500 and
/// does not come back.
/// </exception>
#pragma warning disable CA1068 // Most give a token and no options.
public sealed class SseStreamResult<T>(SseFeed<T> feed, CancellationToken hostCancelled = default, SseStreamOptions? options = null)
    : IResult, IEndpointMetadataProvider
#pragma warning restore CA1068
{
    // Output caching decides before there is a result: a second client would wait for the end of the first one's stream.
    static void IEndpointMetadataProvider.PopulateMetadata(MethodInfo method, EndpointBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Metadata.Add(new OutputCacheAttribute { NoStore = true });
    }

    /// <inheritdoc/>
    public Task ExecuteAsync(HttpContext httpContext)
    {
        ArgumentNullException.ThrowIfNull(httpContext);
        SseStreamRegistry registry = httpContext.RequestServices.GetRequiredService<SseStreamRegistry>();
        SseStreamSettings settings = registry.Settings(options);
        SseCors.Allow(httpContext, settings.AllowedOrigins);
        if (HttpMethods.IsOptions(httpContext.Request.Method))
        {
            SseCors.AnswerPreflight(httpContext);
            return Task.CompletedTask;
        }

        SseResponse.WriteHeaders(httpContext);
        if (HttpMethods.IsHead(httpContext.Request.Method))
        {
            // Without streaming: a client that waits for no body is never seen to leave.
            return Task.CompletedTask;
        }

        var stream = new SseFeedStream<T>(httpContext, registry, settings, feed, hostCancelled)
        {
            Client = registry.Clients.Name(httpContext, subject: null),
        };
        SseResponse.OptOut(httpContext); // Not for the answer that tells of missing metadata.
        return registry.TryEnter(httpContext.TraceIdentifier, stream.Client)
            ? stream.RunAsync(httpContext.Request.GetLastEventId())
            : SseResponse.RefuseAsync(httpContext, registry, settings);
    }
}
