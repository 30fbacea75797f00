using FuncSse.Topics;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace SseApp;

/// <summary>
/// The topics, at <c>/topics/{name}</c>, or <c>/topics?topic=a&amp;topic=b</c> for several. Everyone may subscribe unless
/// <c>Topics:SigningKey</c> is set. Publishing over HTTP needs the function key, which the host checks.
/// </summary>
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
