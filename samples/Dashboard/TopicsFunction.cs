using FuncSse.Topics;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace Dashboard;

/// <summary>The streams, such as <c>/topics/sensors/*</c>, and the values with <c>?values=true</c>.</summary>
public static class TopicsFunction
{
    [Function("Topics")]
    public static IResult Subscribe(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", "options", Route = "topics/{*name}")] HttpRequest request,
        string? name,
        FunctionContext context) =>
        new TopicStreamResult(name, context.CancellationToken);
}
