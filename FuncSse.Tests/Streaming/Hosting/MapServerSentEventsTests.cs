using System.Net;
using System.Net.ServerSentEvents;
using FuncSse.Streaming;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace FuncSse.Tests;

/// <summary>Feeds that are mapped to an address, and what the framework is told about such endpoints.</summary>
public sealed class MapServerSentEventsTests : IAsyncDisposable
{
    private readonly WebApplication _app = Build();

    [Theory]
    [InlineData("/feed", "GET", HttpStatusCode.OK)]
    [InlineData("/feed", "HEAD", HttpStatusCode.OK)]
    [InlineData("/feed", "OPTIONS", HttpStatusCode.NoContent)]
    [InlineData("/feed", "POST", HttpStatusCode.MethodNotAllowed)]
    [InlineData("/answer/ann", "POST", HttpStatusCode.OK)]
    [InlineData("/answer/ann", "OPTIONS", HttpStatusCode.NoContent)]
    public async Task Methods_are_those_that_a_stream_answers(string path, string method, HttpStatusCode status)
    {
        await StartAsync();
        using var client = new HttpClient();
        using var request = new HttpRequestMessage(new HttpMethod(method), new Uri(new Uri(_app.Urls.Single()), path));
        using HttpResponseMessage response = await client.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(status, response.StatusCode);
        string body = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.Equal((path, method) switch
        {
            ("/feed", "GET") => "retry: 1000\n\ndata: a\nid: 1\n\n",
            ("/answer/ann", "POST") => ":\n\ndata: for ann\n\n",
            _ => "",
        }, body);
    }

    [Theory]
    [InlineData("/feed")]
    [InlineData("/result")]
    public async Task Endpoint_says_what_that_of_the_framework_says(string pattern)
    {
        await StartAsync();
        IProducesResponseTypeMetadata own = Metadata(pattern);
        IProducesResponseTypeMetadata framework = Metadata("/framework");
        Assert.Equal((framework.StatusCode, framework.Type), (own.StatusCode, own.Type));
        Assert.Equal(framework.ContentTypes, own.ContentTypes);
        Assert.Equal(["text/event-stream"], own.ContentTypes);
    }

    [Fact]
    public async Task Conventions_of_the_app_apply()
    {
        _app.MapServerSentEvents("/named", FeedAsync).WithName("named");
        await StartAsync();
        Assert.Equal("/named", Endpoints().Single(endpoint => endpoint.Metadata.GetMetadata<IEndpointNameMetadata>()?.EndpointName == "named").RoutePattern.RawText);
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private static WebApplication Build()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddServerSentEvents();
        return builder.Build();
    }

    private Task StartAsync()
    {
        _app.MapServerSentEvents("/feed", FeedAsync);
        _app.MapServerSentEvents<string>(
            "/answer/{user}",
            http => (_, _) => new[] { new SseItem<string>($"for {http.Request.RouteValues["user"]}") }.ToAsyncEnumerable(),
            new SseStreamOptions { IsResumable = false });
        _app.MapGet("/result", () => new SseStreamResult<string>(FeedAsync));
        _app.MapGet("/framework", () => TypedResults.ServerSentEvents(FeedAsync(null, CancellationToken.None)));
        return _app.StartAsync(TestContext.Current.CancellationToken);
    }

    private IEnumerable<RouteEndpoint> Endpoints() => ((IEndpointRouteBuilder)_app).DataSources.SelectMany(source => source.Endpoints).Cast<RouteEndpoint>();

    private IProducesResponseTypeMetadata Metadata(string pattern) => Assert.Single(
        Endpoints().Single(endpoint => endpoint.RoutePattern.RawText == pattern).Metadata.GetOrderedMetadata<IProducesResponseTypeMetadata>());

    private static IAsyncEnumerable<SseItem<string>> FeedAsync(string? lastEventId, CancellationToken cancellationToken) =>
        new[] { new SseItem<string>("a") { EventId = "1" } }.ToAsyncEnumerable();
}
