using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.Timeouts;
using Microsoft.AspNetCore.OutputCaching;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace FuncSse.Streaming;

/// <summary>What a stream needs from the response and from the app's middleware before it opens.</summary>
internal static class SseResponse
{
    public static void WriteHeaders(HttpContext http)
    {
        IHeaderDictionary headers = http.Response.Headers;
        headers.ContentType = "text/event-stream";
        headers.CacheControl = "no-cache, no-store, no-transform";
        headers["X-Accel-Buffering"] = "no";
        // HTTP/2 and later forbid the header (RFC 9113 §8.2.2). Before 1.1, or where the client asks for it, the connection closes.
        if (HttpProtocol.IsHttp11(http.Request.Protocol)
            && !http.Request.Headers.GetCommaSeparatedValues("Connection").Contains("close", StringComparer.OrdinalIgnoreCase))
        {
            headers.Connection = "keep-alive";
        }

        http.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
    }

    /// <summary>Whether the server itself writes the response, without a stream or writer of the app's middleware in between.</summary>
    public static bool IsWrittenByServer(HttpContext http) =>
        ReferenceEquals(http.Features.Get<IHttpResponseBodyFeature>(), http.Features.Get<IHttpRequestLifetimeFeature>());

    /// <summary>Turns off what the server and middleware do to responses that are expected to be short.</summary>
    public static void OptOut(HttpContext http)
    {
        IFeatureCollection features = http.Features;
        // Kestrel's own limit would drop slow readers before SseOptions.WriteTimeout does. There is none to lift on HTTP/2.
        features.Get<IHttpMinResponseDataRateFeature>()?.MinDataRate = null;
        // A stream has its own lifetime, and a time-out would look like a client that left.
        features.Get<IHttpRequestTimeoutFeature>()?.DisableTimeout();
        // Durations of minutes would hide those of other requests (http.server.request.duration).
        features.Get<IHttpMetricsTagsFeature>()?.MetricsDisabled = true;
        if (features.Get<IOutputCacheFeature>()?.Context is { } cache)
        {
            cache.AllowCacheStorage = false;
        }
    }

    public static async Task RefuseAsync(HttpContext http, StreamServices services, SseStreamSettings settings)
    {
        var writer = new SseStreamWriter(http.Response.BodyWriter);
        if (settings.IsResumable)
        {
            writer.WriteRetry(SseDelays.Refusal(settings.Retry));
        }
        else
        {
            writer.WriteComment();
        }

        using var timeout = new CancellationTokenSource(settings.WriteTimeout, services.Time);
        try
        {
            await writer.FlushAsync(timeout.Token);
        }
        catch (OperationCanceledException)
        {
            http.Abort();
            return;
        }

        await (settings.IsResumable ? SseStreamEnding.HoldAsync(http, services, TimeSpan.Zero) : SseStreamEnding.BreakAsync(http, services, settings.WriteTimeout));
    }
}
