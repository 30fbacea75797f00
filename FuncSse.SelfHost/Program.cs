using FuncSse.Endpoints;
using FuncSse.SelfHost;
using FuncSse.Topics;
using Microsoft.AspNetCore.Connections;

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
app.MapTopics();
app.MapMethods("/answers", ["GET", "HEAD"], (StaticFiles files) => files.Answers);
app.MapMethods(
    "/answers/{*name}", ["GET", "HEAD", "POST", "DELETE", "OPTIONS"], (string? name) => new AnswerResult(name));
app.MapMethods("/", ["GET", "HEAD"], (StaticFiles files) => files.Page);
app.MapMethods("/funcsse.js", ["GET", "HEAD"], (StaticFiles files) => files.Module);
try
{
    await app.RunAsync();
    return 0;
}
catch (IOException exception) when (exception.InnerException is AddressInUseException)
{
    await Console.Error.WriteLineAsync($"{exception.Message.TrimEnd('.')}. Choose another with --urls http://localhost:7072.");
    return 1;
}
