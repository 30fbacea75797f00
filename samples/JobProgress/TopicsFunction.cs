using FuncSse.Topics;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace JobProgress;

/// <summary>The streams: <c>/topics/jobs/ID</c> of one job, <c>/topics/jobs/*</c> of all.</summary>
public static class TopicsFunction
{
    [Function("Topics")]
    public static IResult Subscribe(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", "options", Route = "topics/{*name}")] HttpRequest request,
        string? name,
        FunctionContext context) =>
        new TopicStreamResult(name, context.CancellationToken);
}
