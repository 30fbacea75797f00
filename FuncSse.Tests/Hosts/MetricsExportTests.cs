using System.Collections.Concurrent;
using System.Diagnostics;
using System.IO.Compression;
using System.Text;
using Azure.Core;
using FuncSse.Endpoints;
using Microsoft.AspNetCore.Http;

namespace FuncSse.Tests;

/// <summary>The metrics on their way out of the real self-host, received by a server that stands for a collector or for Azure Monitor.</summary>
public sealed class MetricsExportTests
{
    private readonly ConcurrentQueue<(string Path, string Body)> _received = new();

    [Fact]
    public async Task Collector_receives_the_metrics_over_OTLP()
    {
        await using FeedServer collector = await FeedServer.StartAsync(ReceiveAsync);
        await using SelfHost host = await SelfHost.StartAsync(
            ("OTEL_EXPORTER_OTLP_ENDPOINT", Root(collector)),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "100"));
        using RawClient client = await RawClient.GetAsync(host.Address);
        await client.ReadUntilAsync("data: 1\n");
        await Eventually.TrueAsync(() => _received.Any(request => request.Path == "/v1/metrics"
            && request.Body.Contains("funcsse.active_streams", StringComparison.Ordinal)
            && request.Body.Contains("funcsse.sent_events", StringComparison.Ordinal)
            && request.Body.Contains("FuncSse.SelfHost", StringComparison.Ordinal)));
        Assert.True(!OperatingSystem.IsLinux() || HasLoadedOpenTelemetry(host));
    }

    [Fact]
    public async Task Collector_that_does_not_answer_does_not_hold_up_the_shutdown()
    {
        await using FeedServer collector = await FeedServer.StartAsync(
            http => Task.Delay(Timeout.Infinite, http.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default));
        await using SelfHost host = await SelfHost.StartAsync(
            ("OTEL_EXPORTER_OTLP_ENDPOINT", Root(collector)), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"));
        long stop = Stopwatch.GetTimestamp();
        Assert.Equal(0, await host.StopAsync());
        Assert.InRange(Stopwatch.GetElapsedTime(stop), TimeSpan.Zero, TimeSpan.FromSeconds(5));
    }

    [Fact]
    public async Task Azure_Monitor_receives_the_metrics()
    {
        await using FeedServer monitor = await FeedServer.StartAsync(ReceiveAsync);
        await using SelfHost host = await SelfHost.StartAsync(
            ("APPLICATIONINSIGHTS_CONNECTION_STRING", $"InstrumentationKey={Guid.NewGuid()};IngestionEndpoint={Root(monitor)}/"),
            ("APPLICATIONINSIGHTS_STATSBEAT_DISABLED", "true"));
        using RawClient client = await RawClient.GetAsync(host.Address);
        await client.ReadUntilAsync("data: 1\n");
        Assert.Equal(0, await host.StopAsync()); // The last export is at the end, and the one before after a minute.
        Assert.Contains(_received, request => request.Path.EndsWith("/track", StringComparison.Ordinal)
            && request.Body.Contains("\"funcsse.stream.duration\"", StringComparison.Ordinal)
            && request.Body.Contains("\"host_stopping\"", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Nothing_is_exported_or_even_loaded_without_the_variables()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux lists the files that a process has loaded. Run this test on Linux.");
        await using SelfHost host = await SelfHost.StartAsync(("OTEL_METRIC_EXPORT_INTERVAL", "100"));
        using RawClient client = await RawClient.GetAsync(host.Address);
        await client.ReadUntilAsync("data: 1\n");
        Assert.False(HasLoadedOpenTelemetry(host));
    }

    [Theory]
    [InlineData("ClientId=0a1b;Authorization=AAD", "0a1b")]
    [InlineData("Authorization=AAD", null)]
    public async Task Azure_Monitor_is_signed_in_to_with_the_identity_that_the_setting_names(string setting, string? clientId)
    {
        var requests = new ConcurrentQueue<IQueryCollection>();
        await using FeedServer identity = await FeedServer.StartAsync(http =>
        {
            requests.Enqueue(http.Request.Query);
            return http.Response.WriteAsync($$"""{"access_token":"token","expires_on":"{{DateTimeOffset.UtcNow.AddDays(1).ToUnixTimeSeconds()}}"}""");
        });
        Environment.SetEnvironmentVariable("IDENTITY_ENDPOINT", Root(identity));
        Environment.SetEnvironmentVariable("IDENTITY_HEADER", "secret");
        try
        {
            AccessToken token = await MetricsExport.Credential(setting)!.GetTokenAsync(
                new TokenRequestContext(["https://monitor.azure.com//.default"]), TestContext.Current.CancellationToken);
            Assert.Equal("token", token.Token);
        }
        finally
        {
            Environment.SetEnvironmentVariable("IDENTITY_ENDPOINT", null);
            Environment.SetEnvironmentVariable("IDENTITY_HEADER", null);
        }

        Assert.Equal(clientId, Assert.Single(requests)["client_id"].FirstOrDefault());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("Authorization=None")]
    public void Azure_Monitor_needs_no_identity_unless_the_setting_says_so(string? setting) => Assert.Null(MetricsExport.Credential(setting));

    private static string Root(FeedServer server) => new Uri(server.Address).GetLeftPart(UriPartial.Authority);

    private static bool HasLoadedOpenTelemetry(SelfHost host) =>
        File.ReadAllText($"/proc/{host.Id}/maps").Contains("OpenTelemetry", StringComparison.Ordinal);

    private async Task ReceiveAsync(HttpContext http)
    {
        bool isGzip = http.Request.Headers.ContentEncoding == "gzip";
        await using Stream body = isGzip ? new GZipStream(http.Request.Body, CompressionMode.Decompress) : http.Request.Body;
        using var reader = new StreamReader(body, Encoding.Latin1);
        string text = await reader.ReadToEndAsync(http.RequestAborted);
        _received.Enqueue((http.Request.Path, text));
        http.Response.ContentType = "application/json";
        await http.Response.WriteAsync("""{"itemsReceived":1,"itemsAccepted":1,"errors":[]}""", http.RequestAborted);
    }
}
