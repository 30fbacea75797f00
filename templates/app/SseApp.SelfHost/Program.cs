using FuncSse.Streaming;
//#if (hasTopics)
using FuncSse.Topics;
//#endif
using SseApp;

// The page lies in the output folder, whatever the current folder is.
WebApplicationBuilder builder = WebApplication.CreateBuilder(
    new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory, WebRootPath = "static" });
builder.Logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning); // Its lines have the query, and a query can have a ticket.
builder.Services.AddStreams(builder.Configuration);

WebApplication app = builder.Build();
app.UseFileServer();
app.MapServerSentEvents("/clock", app.Services.GetRequiredService<ClockFeed>().ReadAsync);
//#if (hasTopics)
app.MapTopics();
//#endif
app.Run();
