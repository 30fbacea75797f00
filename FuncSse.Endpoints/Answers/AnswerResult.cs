using System.Text;
using System.Text.Unicode;
using FuncSse.Streaming;
using FuncSse.Topics;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace FuncSse.Endpoints;

/// <summary>
/// Answers of the local model, recorded: <c>POST</c> starts one, whose prompt is the body, <c>GET</c> follows it, and <c>DELETE</c> stops it.
/// <c>?format=ui</c> gives the UI message stream of the AI SDK.
/// </summary>
/// <remarks>
/// Starting and stopping needs what publishing needs, or a ticket that covers <c>answers/{name}</c>; following needs what subscribing to that topic needs.
/// </remarks>
/// <param name="name">The answer's name.</param>
/// <param name="isAuthorized">Whether the host has checked the key of a request that starts or stops.</param>
/// <param name="hostCancelled">As for <see cref="RecordedStreamResult"/>.</param>
public sealed class AnswerResult(string? name, bool isAuthorized = false, CancellationToken hostCancelled = default) : IResult
{
    private const string Prefix = "answers/";
    private const int MaxPrompt = 16 * 1024;

    private static RecordedStreamOptions Plain(AnswerOptions options) => new() { MaxDuration = options.MaxDuration, Closing = LocalAnswer.Close };

    private static RecordedStreamOptions Ui(AnswerOptions options) => new()
    {
        MaxDuration = options.MaxDuration,
        Closing = LocalAnswer.Close,
        HasIds = false,
        AfterEnd = AfterEnd.NoContent,
        Convert = UiMessages.ConvertAsync,
    };

    private readonly string _name = TopicAnswer.Decode(name ?? "");

    private string Recorded => $"{Prefix}{_name}";

    private bool HasName => TopicName.IsValid(_name) && RecordedStreams.IsName(Recorded);

    /// <inheritdoc/>
    public async Task ExecuteAsync(HttpContext httpContext)
    {
        ArgumentNullException.ThrowIfNull(httpContext);
        string method = httpContext.Request.Method;
        bool isStart = HttpMethods.IsPost(method);
        bool changes = isStart || HttpMethods.IsDelete(method);
        IServiceProvider services = httpContext.RequestServices;
        if (!HttpMethods.IsOptions(method))
        {
            SseCors.Allow(httpContext, services.GetRequiredService<StreamServices>().Settings(own: null).AllowedOrigins);
            if (changes && !isAuthorized && !await MayChangeAsync(httpContext))
            {
                return;
            }

            if (!HasName)
            {
                await TopicAnswer.WriteAsync(
                    httpContext, StatusCodes.Status400BadRequest, TopicName.Refuse(_name, RecordedStreams.MaxNameLength - Prefix.Length));
                return;
            }

            if (!changes && !await MayFollowAsync(httpContext))
            {
                return;
            }
        }

        if (HttpMethods.IsDelete(method))
        {
            await StopAsync(httpContext);
            return;
        }

        IReadOnlyList<string> format = httpContext.Request.FindAllInQuery("format");
        bool isUi = format is ["ui"];
        if (format.Count > 0 && !isUi)
        {
            await TopicAnswer.WriteAsync(httpContext, StatusCodes.Status400BadRequest, "?format= must be ui.");
            return;
        }

        SseFeed<string>? feed = null;
        if (isStart)
        {
            if (await ReadPromptAsync(httpContext) is not { } prompt)
            {
                return;
            }

            LocalAnswer model = services.GetRequiredService<LocalAnswer>();
            feed = (_, cancellationToken) => model.ReadAsync(prompt, cancellationToken);
        }

        AnswerOptions options = services.GetRequiredService<IOptions<AnswerOptions>>().Value;
        if (isUi)
        {
            httpContext.Response.Headers["x-vercel-ai-ui-message-stream"] = "v1";
        }

        await new RecordedStreamResult(Recorded, feed, hostCancelled, isUi ? Ui(options) : Plain(options)).ExecuteAsync(httpContext);
    }

    private async Task StopAsync(HttpContext http)
    {
        try
        {
            await http.RequestServices.GetRequiredService<IRecordedStreams>().StopAsync(Recorded, http.RequestAborted);
            http.Response.StatusCode = StatusCodes.Status204NoContent;
        }
        catch (EventLogUnavailableException exception)
        {
            http.Response.Headers.RetryAfter = "1"; // Seconds.
            await TopicAnswer.WriteAsync(http, StatusCodes.Status503ServiceUnavailable, exception.Message.ReplaceLineEndings(" "));
        }
        catch (OperationCanceledException)
        {
            // The client has left.
        }
    }

    private async Task<bool> MayChangeAsync(HttpContext http)
    {
        TopicOptions options = http.RequestServices.GetRequiredService<TopicOptions>();
        if (PublishAccess.FindKey(http.Request, options) is not null || PublishAccess.IsAllowedWithoutKey(http, options))
        {
            return true;
        }

        TopicTickets tickets = http.RequestServices.GetRequiredService<TopicTickets>();
        TopicAuthorizationResult decision = HasName && tickets.AreRequired
            ? await http.RequestServices.GetRequiredService<SubscribeAccess>().CheckTicketAsync(http, new TopicSet([Recorded]))
            : TopicAuthorizationResult.Challenge;
        return await AnswerAsync(http, decision);
    }

    private async Task<bool> MayFollowAsync(HttpContext http) =>
        await AnswerAsync(http, await http.RequestServices.GetRequiredService<SubscribeAccess>().CheckAsync(http, new TopicSet([Recorded])));

    private static async Task<bool> AnswerAsync(HttpContext http, TopicAuthorizationResult decision)
    {
        if (decision.IsAllowed)
        {
            return true;
        }

        if (decision == TopicAuthorizationResult.Later && HttpMethods.IsDelete(http.Request.Method))
        {
            http.Response.Headers.RetryAfter = "1"; // Seconds. A 200 would say that it was stopped.
            await TopicAnswer.WriteAsync(http, StatusCodes.Status503ServiceUnavailable, "The ticket cannot be checked at present.");
        }
        else if (decision == TopicAuthorizationResult.Later)
        {
            StreamServices streams = http.RequestServices.GetRequiredService<StreamServices>();
            SseResponse.WriteHeaders(http);
            await (HttpMethods.IsHead(http.Request.Method) ? Task.CompletedTask : SseResponse.RefuseAsync(http, streams, streams.Settings(own: null)));
        }
        else
        {
            await TopicAnswer.RefuseAsync(http, isAuthenticated: decision == TopicAuthorizationResult.Deny);
        }

        return false;
    }

    private static async Task<string?> ReadPromptAsync(HttpContext http)
    {
        int status = StatusCodes.Status400BadRequest;
        try
        {
            byte[]? prompt = await TopicAnswer.ReadBodyAsync(http.Request, MaxPrompt);
            if (prompt is { Length: > 0 } && Utf8.IsValid(prompt))
            {
                return Encoding.UTF8.GetString(prompt);
            }

            status = prompt is null ? StatusCodes.Status413PayloadTooLarge : status;
        }
        catch (BadHttpRequestException exception)
        {
            status = exception.StatusCode;
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException)
        {
            return null; // The client has left.
        }

        await TopicAnswer.WriteAsync(http, status, $"The body is the prompt: 1 to {MaxPrompt} bytes of UTF-8.");
        return null;
    }
}
