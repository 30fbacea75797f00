using System.Net.Sockets;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Extensions.DependencyInjection;

namespace FuncSse.Streaming;

/// <summary>
/// Answers a request with an event stream (WHATWG HTML §9.2) that a feed fills, until the client leaves, the stream's lifetime is over
/// or the host wants to stop. It answers HEAD and OPTIONS too, at once. The status is 200 whatever a client sends: with any other a
/// browser would never come back.
/// </summary>
/// <remarks>
/// It needs <see cref="SseServiceCollectionExtensions.AddServerSentEvents(Microsoft.Extensions.DependencyInjection.IServiceCollection)"/>. It has no public properties, since the Functions worker
/// serialises what a function returns after executing it.
/// </remarks>
/// <typeparam name="T">The type of the feed's data.</typeparam>
/// <param name="feed">Where the events come from. It is called once, after the headers have left, and not for HEAD and OPTIONS.</param>
/// <param name="hostCancelled">
/// The host's own way of cancelling the request, beside <see cref="HttpContext.RequestAborted"/> and the host's shutdown, which are
/// seen to: on Azure Functions the <c>FunctionContext</c>'s token, the only one that fires when <c>functionTimeout</c> passes.
/// </param>
public sealed class SseStreamResult<T>(SseFeed<T> feed, CancellationToken hostCancelled = default) : IResult
{
    // Bytes that the system holds for a stream at most, or twice as many, as Linux counts them.
    private const int SendBuffer = 32 * 1024;

    /// <inheritdoc/>
    public Task ExecuteAsync(HttpContext httpContext)
    {
        ArgumentNullException.ThrowIfNull(httpContext);
        SseStreamRegistry streams = httpContext.RequestServices.GetRequiredService<SseStreamRegistry>();
        SseCors.Allow(httpContext, streams.Options);
        if (HttpMethods.IsOptions(httpContext.Request.Method))
        {
            SseCors.AnswerPreflight(httpContext);
            return Task.CompletedTask;
        }

        WriteHeaders(httpContext);
        if (HttpMethods.IsHead(httpContext.Request.Method))
        {
            // Without streaming: a client that waits for no body is never seen to leave.
            return Task.CompletedTask;
        }

        ConfigureBackpressure(httpContext.Features);
        if (!streams.TryEnter())
        {
            return RefuseAsync(httpContext, streams);
        }

        return new SseStream<T>(httpContext, streams).RunAsync(feed, httpContext.Request.GetLastEventId(), hostCancelled);
    }

    private static void WriteHeaders(HttpContext http)
    {
        IHeaderDictionary headers = http.Response.Headers;
        headers.ContentType = "text/event-stream";
        headers.CacheControl = "no-cache, no-transform";
        headers["X-Accel-Buffering"] = "no";
        if (HttpProtocol.IsHttp11(http.Request.Protocol) || HttpProtocol.IsHttp10(http.Request.Protocol))
        {
            headers.Connection = "keep-alive"; // Forbidden from HTTP/2 on (RFC 9113 §8.2.2).
        }

        http.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
    }

    private static void ConfigureBackpressure(IFeatureCollection features)
    {
        // Kestrel's own limit would drop slow readers before SseOptions.WriteTimeout does. HTTP/2 has none to lift here.
        features.Get<IHttpMinResponseDataRateFeature>()?.MinDataRate = null;

        // The system would else take megabytes for a client that reads nothing, and hide for as long whether one reads.
        try
        {
            features.Get<IConnectionSocketFeature>()?.Socket.SendBufferSize = SendBuffer;
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // The client is gone already, as its stream is about to find out.
        }
    }

    private static async Task RefuseAsync(HttpContext http, SseStreamRegistry streams)
    {
        Log.StreamRefused(streams.Logger, http.TraceIdentifier, streams.Options.MaxStreams);
        var writer = new SseStreamWriter(http.Response.BodyWriter);
        writer.WriteRetry(SseDelays.Refusal(streams.Options));
        using var timeout = new CancellationTokenSource(streams.Options.WriteTimeout, streams.Time);
        try
        {
            await writer.FlushAsync(timeout.Token);
        }
        catch (OperationCanceledException)
        {
            http.Abort();
        }
    }
}
