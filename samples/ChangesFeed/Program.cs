using ChangesFeed;
using FuncSse.Streaming;
using Microsoft.Azure.Functions.Worker.Builder;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

FunctionsApplicationBuilder builder = FunctionsApplication.CreateBuilder(args);
builder.ConfigureFunctionsWebApplication();
builder.Services.Configure<SseOptions>(options => options.MaxDuration = TimeSpan.FromMinutes(29)); // host.json's functionTimeout is 30.
builder.Services.AddServerSentEvents(builder.Configuration.GetSection("Sse"));
string database = builder.Configuration.GetConnectionString("Shop") ?? $"Data Source={Path.Combine(Path.GetTempPath(), "changes-feed.db")}";
builder.Services.AddDbContext<ShopContext>(options => options.UseSqlite(database));
builder.Services.AddScoped<OrderStore>();
builder.Services.AddSingleton<OrdersFeed>();

using IHost app = builder.Build();
await using (AsyncServiceScope scope = app.Services.CreateAsyncScope())
{
    await scope.ServiceProvider.GetRequiredService<ShopContext>().Database.EnsureCreatedAsync();
}

await app.RunAsync();
