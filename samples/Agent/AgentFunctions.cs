using FuncSse.Topics;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.AI;

namespace Agent;

/// <summary>Runs of the agent: a POST starts one, as clients of AG-UI do, a GET with its id follows it, and a DELETE stops it, on any instance.</summary>
public sealed class AgentFunctions(IChatClient model, IRecordedStreams runs)
{
    private const int MaxInput = 256 * 1024;

    private static readonly RecordedStreamOptions s_options = new() { Closing = AgentFeed.Close };

    [Function("Run")]
    public async Task<IResult> Start(
        [HttpTrigger(AuthorizationLevel.Anonymous, "post", "options", Route = "agent")] HttpRequest request, FunctionContext context)
    {
        if (HttpMethods.IsOptions(request.Method))
        {
            return new RecordedStreamResult(null);
        }

        if (request.ContentLength is not <= MaxInput)
        {
            return TypedResults.BadRequest($"The body has {MaxInput} bytes at most.");
        }

        using var body = new StreamReader(request.Body);
        return RunInput.Parse(await body.ReadToEndAsync(request.HttpContext.RequestAborted)) is { } input
            ? new RecordedStreamResult(
                input.RunId, (_, cancellationToken) => AgentFeed.ReadAsync(model, input, cancellationToken), context.CancellationToken, s_options)
            : TypedResults.BadRequest("The body is what AG-UI sends: JSON with threadId, runId and messages.");
    }

    [Function("FollowRun")]
    public static IResult Follow(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", "options", Route = "agent/{runId}")] HttpRequest request,
        string runId,
        FunctionContext context) =>
        new RecordedStreamResult(runId, hostCancelled: context.CancellationToken, options: s_options);

    [Function("StopRun")]
    public async Task<IResult> Stop(
        [HttpTrigger(AuthorizationLevel.Anonymous, "delete", Route = "agent/{runId}")] HttpRequest request, string runId)
    {
        if (!TopicName.IsValid(runId))
        {
            return TypedResults.BadRequest("There is no such run.");
        }

        await runs.StopAsync(runId, request.HttpContext.RequestAborted);
        return TypedResults.NoContent();
    }
}
