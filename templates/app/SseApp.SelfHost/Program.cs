using FuncSse.Streaming;
//#if (hasTopics)
using FuncSse.Topics;
//#endif
using SseApp;

// The page lies in the output folder, whatever the current folder is.
WebApplicationBuilder builder = WebApplication.CreateBuilder(
    new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory, WebRootPath = "static" });
builder.Services.AddStreams(builder.Configuration);

WebApplication app = builder.Build();
app.UseFileServer();
app.MapMethods("/clock", ["GET", "HEAD", "OPTIONS"], (ClockFeed clock) => new SseStreamResult<string>(clock.ReadAsync));
//#if (hasTopics)
app.MapMethods("/topics/{*name}", ["GET", "HEAD", "OPTIONS"], (string? name) => new TopicStreamResult(name));
app.MapPost("/topics/{*name}", (string? name) => new TopicPublishResult(name));
//#endif
app.Run();
