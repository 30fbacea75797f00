#!/usr/bin/env bash
# ASP.NET Core's output cache on an event stream that says "no-store": a second client at the same time, and one that resumes after event 2.
# shellcheck source=findings/common
. "$(dirname "$0")/common"
cat > Program.cs <<'EOF'
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;

var builder = WebApplication.CreateSlimBuilder();
builder.Logging.ClearProviders();
builder.WebHost.UseUrls("http://127.0.0.1:0");
builder.Services.AddOutputCache(options => options.AddBasePolicy(policy => policy.Cache()));
var app = builder.Build();
app.UseOutputCache();
app.MapGet("/", () => TypedResults.ServerSentEvents(Events()));
await app.StartAsync();
using var client = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };

Console.WriteLine($"first: {await Read(null)}");
Console.WriteLine($"after event 2: {await Read("2")}");

// Two clients at once: the first one stays, or it leaves after its first event.
foreach (bool stays in new[] { true, false })
{
    Task<(int Status, DateTime At)> first = FirstEvent($"/?{stays}", stays);
    await Task.Delay(300);
    Task<(int Status, DateTime At)> second = FirstEvent($"/?{stays}", stays: true);
    Console.WriteLine(stays
        ? $"second client, first event: {((await second).At - (await first).At > TimeSpan.FromSeconds(1.5) ? "after the first client's stream" : "at once")}"
        : $"second client when the first one leaves: {(await second).Status}");
}

async Task<string> Read(string? lastEventId)
{
    using var request = new HttpRequestMessage(HttpMethod.Get, "/");
    request.Headers.TryAddWithoutValidation("Last-Event-ID", lastEventId);
    using HttpResponseMessage response = await client.SendAsync(request);
    string ids = string.Join(' ', (await response.Content.ReadAsStringAsync()).Split('\n').Where(line => line.StartsWith("id: ")).Select(line => line[4..]));
    return $"events {ids}; Cache-Control: {response.Headers.CacheControl}; {(response.Headers.Age is null ? "from the app" : "from the cache")}";
}

async Task<(int, DateTime)> FirstEvent(string path, bool stays)
{
    using HttpResponseMessage response = await client.GetAsync(path, HttpCompletionOption.ResponseHeadersRead);
    using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
    await reader.ReadLineAsync();
    DateTime at = DateTime.UtcNow;
    if (stays)
    {
        await reader.ReadToEndAsync();
    }

    return ((int)response.StatusCode, at);
}

async IAsyncEnumerable<SseItem<string>> Events([EnumeratorCancellation] CancellationToken cancellationToken = default)
{
    for (int number = 1; number <= 3; number++)
    {
        yield return new SseItem<string>("x") { EventId = $"{number}" };
        await Task.Delay(1000, cancellationToken);
    }
}
EOF
dotnet_program Microsoft.NET.Sdk.Web
dotnet --list-runtimes | grep '^Microsoft.AspNetCore.App 10'
expect 'first: events 1 2 3; Cache-Control: no-store, no-cache; from the app
after event 2: events 1 2 3; Cache-Control: no-store, no-cache; from the cache
second client, first event: after the first client'"'"'s stream
second client when the first one leaves: 500' "$(dotnet out/finding.dll)"
