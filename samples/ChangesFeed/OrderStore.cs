using Microsoft.EntityFrameworkCore;

namespace ChangesFeed;

public sealed class OrderStore(ShopContext shop)
{
    public Task<List<Order>> ReadAfterAsync(long number, CancellationToken cancellationToken) =>
        shop.Orders.AsNoTracking().Where(order => order.Number > number)
            .OrderBy(order => order.Number).Take(100).ToListAsync(cancellationToken);
}
