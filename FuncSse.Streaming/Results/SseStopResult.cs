using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace FuncSse.Streaming;

/// <summary>
/// Answers 204, which tells an <c>EventSource</c> that there is nothing more to come: it does not reconnect (WHATWG HTML §9.2.3). A
/// function returns it instead of a stream when a client comes back after the last event of a finite feed; see
/// <see cref="SseHttpRequestExtensions.GetLastEventId"/>.
/// </summary>
/// <param name="options">The stream's options, of which <see cref="SseStreamOptions.AllowedOrigins"/> counts here.</param>
public sealed class SseStopResult(SseStreamOptions? options = null) : IResult
{
    /// <inheritdoc/>
    public Task ExecuteAsync(HttpContext httpContext)
    {
        ArgumentNullException.ThrowIfNull(httpContext);
        SseStreamRegistry registry = httpContext.RequestServices.GetRequiredService<SseStreamRegistry>();
        SseCors.Allow(httpContext, registry.Settings(options).AllowedOrigins);
        if (HttpMethods.IsOptions(httpContext.Request.Method))
        {
            SseCors.AnswerPreflight(httpContext);
        }

        httpContext.Response.Headers.CacheControl = "no-store";
        httpContext.Response.StatusCode = StatusCodes.Status204NoContent;
        return Task.CompletedTask;
    }
}
