using System.Net.Sockets;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.Timeouts;
using Microsoft.AspNetCore.OutputCaching;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace FuncSse.Streaming;

/// <summary>What a stream asks of the response, of the server and of the app's middleware.</summary>
internal static class SseResponse
{
    // Linux: bytes that a socket holds for a client beyond what is on its way (tcp(7), TCP_NOTSENT_LOWAT). Zero is the system's default.
    private const int Tcp = 6;
    private const int NotSentLowWater = 25;
    private const int MaxNotSent = 32 * 1024;

    public static void WriteHeaders(HttpContext http)
    {
        IHeaderDictionary headers = http.Response.Headers;
        headers.ContentType = "text/event-stream";
        headers.CacheControl = "no-cache, no-store, no-transform";
        headers["X-Accel-Buffering"] = "no";
        // Forbidden from HTTP/2 on (RFC 9113 §8.2.2); before 1.1, or when the client says so, the connection closes.
        if (HttpProtocol.IsHttp11(http.Request.Protocol)
            && !http.Request.Headers.GetCommaSeparatedValues("Connection").Contains("close", StringComparer.OrdinalIgnoreCase))
        {
            headers.Connection = "keep-alive";
        }

        http.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
    }

    /// <summary>Opts out of what the server and middleware do to responses that are short.</summary>
    public static void OptOut(HttpContext http)
    {
        IFeatureCollection features = http.Features;
        // Kestrel's own limit would drop slow readers before SseOptions.WriteTimeout does. HTTP/2 has none to lift here.
        features.Get<IHttpMinResponseDataRateFeature>()?.MinDataRate = null;
        // A stream has a lifetime of its own; a time-out would look like a client that left.
        features.Get<IHttpRequestTimeoutFeature>()?.DisableTimeout();
        // Minutes would drown the durations of other requests (http.server.request.duration).
        features.Get<IHttpMetricsTagsFeature>()?.MetricsDisabled = true;
        if (features.Get<IOutputCacheFeature>()?.Context is { } cache)
        {
            cache.AllowCacheStorage = false;
        }
    }

    /// <summary>Whether the server itself writes the response, and no middleware of the app.</summary>
    public static bool IsWrittenByServer(HttpContext http) =>
        ReferenceEquals(http.Features.Get<IHttpResponseBodyFeature>(), http.Features.Get<IHttpRequestLifetimeFeature>());

    /// <summary>
    /// The connection, if a chunk of HTTP/1.1 that is sent to it is a part of this response: the server writes in chunks (RFC 9112 §7.1), no
    /// middleware has put itself before its writer, and neither TLS nor anything else stands between it and the socket. After the headers.
    /// </summary>
    public static IStreamingConnectionFeature? FindChunked(HttpContext http)
    {
        IFeatureCollection features = http.Features;
        IStreamingConnectionFeature? connection = features.Get<IStreamingConnectionFeature>();
        return http.Response.Headers.TransferEncoding == "chunked"
            && ReferenceEquals(features.Get<IHttpResponseBodyFeature>(), features.Get<IHttpMinResponseDataRateFeature>()) // The server's own.
            && ReferenceEquals(features.Get<IConnectionTransportFeature>()?.Transport, connection)
            ? connection
            : null;
    }

    /// <summary>
    /// Lets the system hold little for a client that does not read. It would take megabytes, and hide for as long whether the client reads.
    /// </summary>
    public static void LimitUnsent(HttpContext http) => SetUnsent(http, MaxNotSent);

    /// <summary>Undoes <see cref="LimitUnsent"/> for the next response on the connection. HTTP/2 keeps it: other streams may be there.</summary>
    public static void UnlimitUnsent(HttpContext http)
    {
        if (HttpProtocol.IsHttp11(http.Request.Protocol))
        {
            SetUnsent(http, 0);
        }
    }

    public static async Task RefuseAsync(HttpContext http, SseStreamRegistry registry, SseStreamSettings settings)
    {
        var writer = new SseStreamWriter(http.Response.BodyWriter);
        writer.WriteRetry(SseDelays.Refusal(settings.Retry));
        using var timeout = new CancellationTokenSource(settings.WriteTimeout, registry.Time);
        try
        {
            await writer.FlushAsync(timeout.Token);
        }
        catch (OperationCanceledException)
        {
            http.Abort();
        }
    }

    private static void SetUnsent(HttpContext http, int bytes)
    {
        try
        {
            if (OperatingSystem.IsLinux() && http.Features.Get<IConnectionSocketFeature>()?.Socket is { } socket)
            {
                socket.SetRawSocketOption(Tcp, NotSentLowWater, BitConverter.GetBytes(bytes));
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // The client is gone already, as its stream is about to find out.
        }
    }
}
