using FuncSse.Streaming;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.AI;

namespace TokenStream;

/// <summary>Answers a POST, whose body is the prompt, with a stream of the model's words.</summary>
public sealed class AnswerFunction(IChatClient model)
{
    private const int MaxPrompt = 16 * 1024;

    // A client cannot come back into the middle of an answer, so a break must not look like the end.
    private static readonly SseStreamOptions s_once = new() { IsResumable = false };

    [Function("Answer")]
    public async Task<IResult> Run(
        [HttpTrigger(AuthorizationLevel.Anonymous, "post", "options", Route = "answer")] HttpRequest request, FunctionContext context)
    {
        if (HttpMethods.IsPost(request.Method) && request.ContentLength is not (> 0 and <= MaxPrompt))
        {
            return TypedResults.BadRequest($"The body is the prompt: a text of 1 to {MaxPrompt} bytes.");
        }

        using var body = new StreamReader(request.Body);
        string prompt = await body.ReadToEndAsync(request.HttpContext.RequestAborted);
        return new SseStreamResult<string>(
            (_, cancellationToken) => AnswerFeed.ReadAsync(model, prompt, cancellationToken), context.CancellationToken, s_once);
    }
}
