using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace ChangesFeed;

/// <summary>Adds a row, whose item is the body of a POST.</summary>
public sealed class AddOrderFunction(ShopContext shop)
{
    [Function("AddOrder")]
    public async Task<IResult> Run(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "orders")] HttpRequest request, CancellationToken cancellationToken)
    {
        using var body = new StreamReader(request.Body);
        Order order = shop.Orders.Add(new Order(0, await body.ReadToEndAsync(cancellationToken))).Entity;
        await shop.SaveChangesAsync(cancellationToken);
        return TypedResults.Ok(order);
    }
}
