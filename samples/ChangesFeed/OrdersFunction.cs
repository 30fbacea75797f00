using FuncSse.Streaming;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace ChangesFeed;

public sealed class OrdersFunction(OrdersFeed feed)
{
    [Function("Orders")]
    public IResult Run(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", "options", Route = "orders")] HttpRequest request,
        FunctionContext context) =>
        new SseStreamResult<Order>(feed.ReadAsync, context.CancellationToken);
}
