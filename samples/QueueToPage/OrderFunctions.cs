using FuncSse.Topics;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace QueueToPage;

/// <summary>From the queue <c>orders</c> to the topic <c>orders</c>.</summary>
public sealed class OrderFunctions(ITopicPublisher topics)
{
    private const string Queue = "orders";

    /// <summary>Publishes each message of the queue. If it fails, the message is tried again, so an event may come twice.</summary>
    [Function("OrderPaid")]
    public Task Publish([QueueTrigger(Queue)] string order, CancellationToken cancellationToken) =>
        topics.PublishAsync("orders", order, "paid", cancellationToken);

    /// <summary>Puts the body of a POST into the queue, as another part of your system would.</summary>
    [Function("PayOrder")]
    public static async Task<Payment> Pay(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "orders")] HttpRequest request, CancellationToken cancellationToken)
    {
        using var body = new StreamReader(request.Body);
        return new Payment { Order = await body.ReadToEndAsync(cancellationToken) };
    }

    /// <summary>What goes to the queue, and what goes back.</summary>
    public sealed class Payment
    {
        [QueueOutput(Queue)]
        public required string Order { get; init; }

        [HttpResult]
        public IResult Answer { get; } = TypedResults.Accepted((string?)null);
    }
}
