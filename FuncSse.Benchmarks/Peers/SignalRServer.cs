using Microsoft.AspNetCore.SignalR;

namespace FuncSse.Benchmarks;

/// <summary>SignalR with its Redis backplane: each topic is a group, and what is posted goes to the group's connections on all instances.</summary>
internal static class SignalRServer
{
    // The load client sends no pings, so that it costs no more than that of the others.
    public static void Configure(WebApplicationBuilder builder) => builder.Services
        .AddSignalR(options => options.ClientTimeoutInterval = TimeSpan.FromHours(1))
        .AddStackExchangeRedis(builder.Configuration["Topics:Redis"]!);

    public static void Map(WebApplication app)
    {
        app.MapHub<TopicHub>("/hub");
        app.MapPost("/topics/{topic}", async (string topic, HttpRequest request, IHubContext<TopicHub> hub) =>
        {
            using var reader = new StreamReader(request.Body);
            await hub.Clients.Group(topic).SendAsync("event", await reader.ReadToEndAsync());
        });
    }

    private sealed class TopicHub : Hub
    {
        public override Task OnConnectedAsync() =>
            Groups.AddToGroupAsync(Context.ConnectionId, Context.GetHttpContext()!.Request.Query["topic"].ToString());
    }
}
