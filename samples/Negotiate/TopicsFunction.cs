using FuncSse.Topics;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace Negotiate;

/// <summary>The streams, which need a ticket or a rule's consent, and the way to publish, which needs the function key.</summary>
public static class TopicsFunction
{
    [Function("Topics")]
    public static IResult Subscribe(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", "options", Route = "topics/{*name}")] HttpRequest request,
        string? name,
        FunctionContext context) =>
        new TopicStreamResult(name, context.CancellationToken);

    [Function("Publish")]
    public static IResult Publish(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "topics/{*name}")] HttpRequest request,
        string? name) =>
        new TopicPublishResult(name, isAuthorized: true);
}
