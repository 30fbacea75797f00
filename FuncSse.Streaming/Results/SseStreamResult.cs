using System.Reflection;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.Extensions.DependencyInjection;

namespace FuncSse.Streaming;

/// <summary>
/// Answers a request with an event stream (WHATWG HTML §9.2) of a feed's events, until the client leaves, the stream has reached its lifetime
/// or the host stops. It also answers HEAD and OPTIONS, at once. The status is 200 for any request of a client: after another status, a
/// browser would never return.
/// </summary>
/// <remarks>
/// It needs <see cref="SseServiceCollectionExtensions.AddServerSentEvents(IServiceCollection)"/>. It has no public properties, because the
/// Functions worker serialises what a function returned after it was executed.
/// </remarks>
/// <typeparam name="T">The type of the feed's data.</typeparam>
/// <param name="feed">The source of the events. It is called once, after the headers have been sent, and not for HEAD and OPTIONS.</param>
/// <param name="hostCancelled">
/// The host's own way of cancelling the request, in addition to <see cref="HttpContext.RequestAborted"/> and the host's shutdown: on Azure
/// Functions the <c>FunctionContext</c>'s token, the only one that fires when <c>functionTimeout</c> passes.
/// </param>
/// <param name="options">Options of this stream.</param>
/// <exception cref="InvalidOperationException">
/// Thrown when the result is executed, if the app's JSON options have no metadata for <typeparamref name="T"/>, which can happen with AOT.
/// The client gets a 500 and does not return.
/// </exception>
#pragma warning disable CA1068 // Most callers pass a token and no options.
public sealed class SseStreamResult<T>(SseFeed<T> feed, CancellationToken hostCancelled = default, SseStreamOptions? options = null)
    : IResult, IEndpointMetadataProvider
#pragma warning restore CA1068
{
    static void IEndpointMetadataProvider.PopulateMetadata(MethodInfo method, EndpointBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        foreach (object metadata in StreamMetadata.For<T>())
        {
            builder.Metadata.Add(metadata);
        }
    }

    /// <inheritdoc/>
    public Task ExecuteAsync(HttpContext httpContext)
    {
        ArgumentNullException.ThrowIfNull(httpContext);
        StreamServices services = httpContext.RequestServices.GetRequiredService<StreamServices>();
        SseStreamSettings settings = services.Settings(options);
        SseCors.Allow(httpContext, settings.AllowedOrigins);
        if (HttpMethods.IsOptions(httpContext.Request.Method))
        {
            SseCors.AnswerPreflight(httpContext);
            return Task.CompletedTask;
        }

        SseResponse.WriteHeaders(httpContext);
        if (HttpMethods.IsHead(httpContext.Request.Method))
        {
            // HEAD must not stream: its client expects no body, and nothing would notice that it has left.
            return Task.CompletedTask;
        }

        var stream = new SseFeedStream<T>(httpContext, services, settings, feed, hostCancelled)
        {
            Client = services.Clients.GetKey(httpContext, subject: null),
        };
        SseResponse.OptOut(httpContext); // This comes after the constructor, whose exception about missing metadata becomes an ordinary answer.
        return services.TryEnter(httpContext.TraceIdentifier, stream.Client)
            ? stream.RunAsync(httpContext.Request.GetLastEventId())
            : SseResponse.RefuseAsync(httpContext, services, settings);
    }
}
