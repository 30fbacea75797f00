using FuncSse.SelfHost;
using FuncSse.Streaming;
using Microsoft.Extensions.Options;

WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions
{
    Args = args,
    ContentRootPath = AppContext.BaseDirectory,
});
if (builder.Configuration[WebHostDefaults.ServerUrlsKey] is null)
{
    builder.WebHost.UseUrls("http://localhost:7071"); // Where `func start` listens too.
}

builder.Services.AddHostedService<Announcement>();
try
{
    builder.Services.AddServerSentEvents(builder.Configuration);
}
catch (OptionsValidationException exception)
{
    Console.Error.WriteLine(exception.Message);
    return 1;
}

WebApplication app = builder.Build();
app.MapMethods("/events", ["GET", "HEAD", "OPTIONS"], (CounterFeed counter) => new SseStreamResult<string>(counter.ReadAsync));
app.MapMethods("/", ["GET", "HEAD"], () => new PageResult("static/index.html"));
app.MapMethods("/funcsse.js", ["GET", "HEAD"], () => new PageResult("static/funcsse.js"));
await app.RunAsync();
return 0;
