using Microsoft.EntityFrameworkCore;

namespace ChangesFeed;

public sealed record Order(long Number, string Item);

/// <summary>The database: a table of orders, whose numbers it counts.</summary>
public sealed class ShopContext(DbContextOptions<ShopContext> options) : DbContext(options)
{
    public DbSet<Order> Orders => Set<Order>();

    protected override void OnModelCreating(ModelBuilder modelBuilder) => modelBuilder.Entity<Order>().HasKey(order => order.Number);
}
