using System.Reflection;
using System.Text.Unicode;
using FuncSse.Streaming;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.Extensions.DependencyInjection;

namespace FuncSse.Topics;

/// <summary>
/// Publishes the body of a request to a topic and answers with the event's id: 200 and <c>text/plain</c>. <c>?type=</c> sets the event's
/// type, and <c>?retain=true</c> keeps the event as the topic's value, which an empty body clears. The body is read as UTF-8 text, whatever
/// its <c>Content-Type</c>.
/// </summary>
/// <remarks>
/// It needs <see cref="TopicServiceCollectionExtensions.AddTopics(IServiceCollection, Action{TopicOptions}?)"/>. It answers 401 without the
/// key, 400 for a wrong name, type, choice or encoding, 413 for a body larger than <see cref="TopicOptions.MaxEventSize"/> or a retained value of more
/// than 65,536 bytes, 429 above <see cref="TopicOptions.MaxPublishRate"/>, 409 for one more topic with a value than
/// <see cref="TopicOptions.MaxRetained"/>, and 503 when the log did not acknowledge the event.
/// </remarks>
/// <param name="name">The topic's name from the route's catch-all parameter (<c>topics/{*name}</c>).</param>
/// <param name="isAuthorized">
/// Whether the app has checked that the caller may publish: true on Azure Functions, where the function key does this. Otherwise the caller
/// needs <see cref="TopicOptions.PublishKey"/>, as the header <c>x-functions-key</c> or as <c>?code=</c>; without a key in the options, only
/// this machine may publish, and only in the Development environment.
/// </param>
/// <param name="options">The options of the streams. Only <see cref="SseStreamOptions.AllowedOrigins"/> is used here.</param>
public sealed class TopicPublishResult(string? name, bool isAuthorized = false, SseStreamOptions? options = null)
    : IResult, IEndpointMetadataProvider
{
    /// <inheritdoc/>
    public async Task ExecuteAsync(HttpContext httpContext)
    {
        ArgumentNullException.ThrowIfNull(httpContext);
        IServiceProvider services = httpContext.RequestServices;
        TopicOptions topicOptions = TopicAnswer.Require<TopicOptions>(services);
        SseCors.Allow(httpContext, services.GetRequiredService<StreamServices>().Settings(options).AllowedOrigins);
        if (HttpMethods.IsOptions(httpContext.Request.Method))
        {
            SseCors.AnswerPreflight(httpContext, TopicAnswer.Methods);
            return;
        }

        try
        {
            (int status, string line) = await PublishAsync(httpContext, services, topicOptions);
            if (status is StatusCodes.Status503ServiceUnavailable or StatusCodes.Status429TooManyRequests)
            {
                httpContext.Response.Headers.RetryAfter = "1"; // Seconds.
            }

            await TopicAnswer.WriteAsync(httpContext, status, line);
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException)
        {
            // The publisher has left. Without this, Functions and Kestrel would log a failure of the app.
        }
    }

    /// <summary>What OpenAPI says of the endpoint.</summary>
    internal static void AddMetadata(EndpointBuilder builder)
    {
        foreach (int status in (int[])[200, 400, 401, 409, 413, 429, 503])
        {
            builder.Metadata.Add(new ProducesResponseTypeMetadata(status, typeof(string), ["text/plain"]));
        }
    }

    static void IEndpointMetadataProvider.PopulateMetadata(MethodInfo method, EndpointBuilder builder) => AddMetadata(builder);

    private async Task<(int Status, string Line)> PublishAsync(HttpContext http, IServiceProvider services, TopicOptions topicOptions)
    {
        string? key = PublishAccess.FindKey(http.Request, topicOptions);
        if (!isAuthorized && key is null && !PublishAccess.IsAllowedWithoutKey(http, topicOptions))
        {
            return (StatusCodes.Status401Unauthorized, topicOptions.PublishKey.Count > 0
                ? "Publishing needs a key, in the header x-functions-key or as ?code=."
                : "Publishing needs a key: set Topics__PublishKey, and send the key in the header x-functions-key or as ?code=. "
                    + "Without the setting, only this machine may publish, and only in the Development environment.");
        }

        string topic = TopicAnswer.Decode(name ?? "");
        if (!TopicName.IsValid(topic))
        {
            return (StatusCodes.Status400BadRequest, TopicName.Refuse(topic));
        }

        if (http.Request.Headers.ContentEncoding is not ({ Count: 0 } or [null or "" or "identity"]))
        {
            return (StatusCodes.Status400BadRequest, "The body must not be compressed.");
        }

        try
        {
            string? type = EventType.Normalize(http.Request.Query["type"]);
            bool retain = TopicQuery.ReadSwitch(http.Request, "retain") ?? false;
            byte[]? data = await TopicAnswer.ReadBodyAsync(http.Request, TopicPublisher.MaxSize(topicOptions, retain));
            if (data is null)
            {
                return (StatusCodes.Status413PayloadTooLarge, TopicPublisher.TooLarge(topicOptions, retain));
            }

            if (!Utf8.IsValid(data))
            {
                return (StatusCodes.Status400BadRequest, "The body is not UTF-8.");
            }

            return services.GetRequiredService<PublishRate>().TryTake(key)
                ? (StatusCodes.Status200OK, await services.GetRequiredService<TopicPublisher>().PublishAsync(topic, data, type, retain, http.RequestAborted))
                : (StatusCodes.Status429TooManyRequests, $"A key may publish at most {topicOptions.MaxPublishRate} events a second.");
        }
        catch (BadHttpRequestException exception)
        {
            return (exception.StatusCode, exception.Message.ReplaceLineEndings(" ")); // The body is not well-formed, or arrives too slowly.
        }
        catch (ArgumentException exception)
        {
            return (StatusCodes.Status400BadRequest, exception.Message.ReplaceLineEndings(" "));
        }
        catch (RetainedValuesFullException exception)
        {
            return (StatusCodes.Status409Conflict, exception.Message);
        }
        catch (EventLogUnavailableException exception)
        {
            return (StatusCodes.Status503ServiceUnavailable, exception.Message.ReplaceLineEndings(" "));
        }
    }
}
