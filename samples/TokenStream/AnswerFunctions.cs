using System.Text.Json;
using FuncSse.Streaming;
using FuncSse.Topics;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.AI;

namespace TokenStream;

/// <summary>
/// Answers of the model, each under a name that the page makes up: a POST starts one, whose prompt is the body, a GET follows it, and a DELETE stops it,
/// on any instance. With <c>?format=ui</c> the page is one of the AI SDK.
/// </summary>
public sealed class AnswerFunctions(IChatClient model, IRecordedStreams answers)
{
    private const int MaxPrompt = 16 * 1024;

    [Function("Answer")]
    public async Task<IResult> Start(
        [HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "answers/{name}")] HttpRequest request, string name, FunctionContext context)
    {
        if (request.ContentLength is not (> 0 and <= MaxPrompt))
        {
            return TypedResults.BadRequest($"The body is the prompt: 1 to {MaxPrompt} bytes.");
        }

        using var body = new StreamReader(request.Body);
        string prompt = await body.ReadToEndAsync(request.HttpContext.RequestAborted);
        try
        {
            prompt = IsUi(request) ? UiMessages.FindPrompt(prompt) : prompt;
        }
        catch (JsonException)
        {
            return TypedResults.BadRequest("The body is what the AI SDK sends: JSON with messages.");
        }

        return Answer(request, name, context, (_, cancellationToken) => AnswerFeed.ReadAsync(model, prompt, cancellationToken));
    }

    [Function("Follow")]
    public static IResult Follow(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", "options", Route = "answers/{name}")] HttpRequest request,
        string name,
        FunctionContext context) =>
        Answer(request, name, context);

    [Function("Stop")]
    public async Task<IResult> Stop(
        [HttpTrigger(AuthorizationLevel.Anonymous, "delete", Route = "answers/{name}")] HttpRequest request, string name)
    {
        if (!TopicName.IsValid(name))
        {
            return TypedResults.BadRequest("There is no such name.");
        }

        await answers.StopAsync(name, request.HttpContext.RequestAborted);
        return TypedResults.NoContent();
    }

    private static RecordedStreamResult Answer(HttpRequest request, string name, FunctionContext context, SseFeed<string>? feed = null)
    {
        if (!IsUi(request))
        {
            return new RecordedStreamResult(name, feed, context.CancellationToken, new RecordedStreamOptions { Closing = AnswerFeed.Close });
        }

        request.HttpContext.Response.Headers["x-vercel-ai-ui-message-stream"] = "v1";
        var options = new RecordedStreamOptions
        {
            Closing = AnswerFeed.Close,
            HasIds = false,
            AfterEnd = AfterEnd.NoContent, // The AI SDK asks at each load of its page whether an answer is under way.
            Convert = events => UiMessages.ConvertAsync(events, name),
        };
        return new RecordedStreamResult(name, feed, context.CancellationToken, options);
    }

    private static bool IsUi(HttpRequest request) => request.Query["format"] == "ui";
}
