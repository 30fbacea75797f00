using FuncSse.Topics;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace QueueToPage;

/// <summary>The streams: <c>/topics/orders</c>, or <c>/topics?topic=orders&amp;topic=prices/*</c> for several topics.</summary>
public static class TopicsFunction
{
    [Function("Topics")]
    public static IResult Subscribe(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", "options", Route = "topics/{*name}")] HttpRequest request,
        string? name,
        FunctionContext context) =>
        new TopicStreamResult(name, context.CancellationToken);
}
