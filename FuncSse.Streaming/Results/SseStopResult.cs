using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace FuncSse.Streaming;

/// <summary>
/// Answers 204, which tells an <c>EventSource</c> that nothing more will come, so it does not reconnect (WHATWG HTML §9.2.3). A function
/// returns it instead of a stream when a client returns after the last event of a finite feed; see
/// <see cref="SseHttpRequestExtensions.GetLastEventId"/>.
/// </summary>
/// <param name="options">The stream's options. Only <see cref="SseStreamOptions.AllowedOrigins"/> matters here.</param>
public sealed class SseStopResult(SseStreamOptions? options = null) : IResult
{
    /// <inheritdoc/>
    public Task ExecuteAsync(HttpContext httpContext)
    {
        ArgumentNullException.ThrowIfNull(httpContext);
        StreamServices services = httpContext.RequestServices.GetRequiredService<StreamServices>();
        SseCors.Allow(httpContext, services.Settings(options).AllowedOrigins);
        if (HttpMethods.IsOptions(httpContext.Request.Method))
        {
            SseCors.AnswerPreflight(httpContext);
        }

        httpContext.Response.Headers.CacheControl = "no-store";
        httpContext.Response.StatusCode = StatusCodes.Status204NoContent;
        return Task.CompletedTask;
    }
}
