using FuncSse.Topics;
using Microsoft.Azure.Functions.Worker;

namespace QueueToPage;

public sealed record Price(string Item, decimal Amount);

/// <summary>From a timer to the topic <c>prices/coffee</c>: a price every five seconds.</summary>
public sealed class PriceFunction(ITopicPublisher topics)
{
    [Function("Prices")]
    public Task Run([TimerTrigger("*/5 * * * * *")] TimerInfo timer, CancellationToken cancellationToken) =>
        topics.PublishAsync("prices/coffee", new Price("coffee", Random.Shared.Next(250, 400) / 100m), "price", cancellationToken);
}
