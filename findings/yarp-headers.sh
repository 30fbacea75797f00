#!/usr/bin/env bash
# YARP in front of an app that sends the headers of an event stream at once, and its first event two seconds later.
# shellcheck source=findings/common
. "$(dirname "$0")/common"
cat > Program.cs <<'EOF'
using System.Diagnostics;
using Yarp.ReverseProxy.Configuration;

var builder = WebApplication.CreateSlimBuilder();
builder.Logging.ClearProviders();
builder.WebHost.UseUrls("http://127.0.0.1:0");
builder.Services.AddReverseProxy();
var app = builder.Build();
app.MapGet("/events", async (HttpResponse response) =>
{
    response.ContentType = "text/event-stream";
    await response.StartAsync();
    await response.Body.FlushAsync();
    await Task.Delay(2000);
    await response.WriteAsync("data: 1\n\n");
});
await app.StartAsync();
string address = app.Urls.First();

builder = WebApplication.CreateSlimBuilder();
builder.Logging.ClearProviders();
builder.WebHost.UseUrls("http://127.0.0.1:0");
builder.Services.AddReverseProxy().LoadFromMemory(
    [new RouteConfig { RouteId = "all", ClusterId = "app", Match = new RouteMatch { Path = "/{**all}" } }],
    [new ClusterConfig { ClusterId = "app", Destinations = new Dictionary<string, DestinationConfig> { ["app"] = new() { Address = address } } }]);
var proxy = builder.Build();
proxy.MapReverseProxy();
await proxy.StartAsync();

using var client = new HttpClient();
foreach ((string name, string url) in new[] { ("app", address), ("YARP", proxy.Urls.First()) })
{
    await client.GetAsync($"{url}/events", HttpCompletionOption.ResponseContentRead); // Compiles what runs.
    var watch = Stopwatch.StartNew();
    await client.GetAsync($"{url}/events", HttpCompletionOption.ResponseHeadersRead);
    Console.WriteLine($"{name}: the headers come {(watch.ElapsedMilliseconds < 1500 ? "at once" : "with the first event")}");
}
EOF
dotnet_program Microsoft.NET.Sdk.Web Yarp.ReverseProxy 2.3.0
expect 'app: the headers come at once
YARP: the headers come with the first event' "$(dotnet out/finding.dll)"
