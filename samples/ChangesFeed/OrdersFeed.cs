using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using FuncSse.Streaming;
using Microsoft.Extensions.DependencyInjection;

namespace ChangesFeed;

/// <summary>Streams the orders. The event id is the order's number.</summary>
public sealed class OrdersFeed(IServiceScopeFactory scopes, CoalescingTimeProvider time)
{
    public async IAsyncEnumerable<SseItem<Order>> ReadAsync(
        string? lastEventId, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        long last = long.TryParse(lastEventId, out long number) ? number : 0;
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1), time);
        do
        {
            foreach (Order order in await PollAsync(last, cancellationToken))
            {
                last = order.Number;
                yield return new SseItem<Order>(order, "order") { EventId = $"{last}" };
            }
        }
        while (await timer.WaitForNextTickAsync(cancellationToken));
    }

    // Each poll has a short scope of its own: a stream lives for minutes, and a DbContext must not.
    private async Task<List<Order>> PollAsync(long last, CancellationToken cancellationToken)
    {
        await using AsyncServiceScope scope = scopes.CreateAsyncScope();
        return await scope.ServiceProvider.GetRequiredService<OrderStore>().ReadAfterAsync(last, cancellationToken);
    }
}
