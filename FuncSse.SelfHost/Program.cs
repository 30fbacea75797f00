using FuncSse.Endpoints;
using FuncSse.SelfHost;
using FuncSse.Topics;

WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions
{
    Args = args,
    ContentRootPath = AppContext.BaseDirectory,
});
if (builder.Configuration[WebHostDefaults.ServerUrlsKey] is null && builder.Configuration[WebHostDefaults.HttpPortsKey] is null)
{
    builder.WebHost.UseUrls("http://localhost:7071"); // `func start` listens there too.
}

builder.Services.AddHostedService<Announcement>();
builder.Services.AddEndpoints(builder.Configuration);
WebApplication app = builder.Build();
if (!app.Services.CheckOptions(Console.Error))
{
    return 1;
}

app.MapMethods("/events", ["GET", "HEAD", "OPTIONS"], (HttpRequest request, CounterFeed counter) => counter.Stream(request));
app.MapMethods("/topics/{*name}", ["GET", "HEAD", "OPTIONS"], (string? name) => new TopicStreamResult(name));
app.MapPost("/topics/{*name}", (string? name) => new TopicPublishResult(name));
app.MapMethods("/", ["GET", "HEAD"], (StaticFiles files) => files.Page);
app.MapMethods("/funcsse.js", ["GET", "HEAD"], (StaticFiles files) => files.Module);
await app.RunAsync();
return 0;
