using System.Net.ServerSentEvents;
using FuncSse.Streaming;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace FuncSse.Tests;

/// <summary>Which page of another origin may read a stream, and what a preflight is told.</summary>
public sealed class SseCorsTests
{
    [Theory]
    [InlineData("none", "https://a.example.com", null)]
    [InlineData("*", "https://a.example.com", "*")]
    [InlineData("*", "null", "*")]
    [InlineData("*", null, "*")]
    [InlineData("null", "null", "null")]
    [InlineData("null", "https://a.example.com", null)]
    [InlineData("https://a.example.com null", "null", "null")]
    [InlineData("https://*.example.com", "https://a.example.com", "https://a.example.com")]
    [InlineData("https://*.example.com", "https://a.b.example.com", "https://a.b.example.com")]
    [InlineData("https://*.example.com", "https://example.com", null)]
    [InlineData("https://*.example.com", "https://.example.com", null)]
    [InlineData("https://*.example.com", "http://a.example.com", null)]
    [InlineData("https://*.example.com", "https://A.example.com", null)]
    [InlineData("https://*.example.com", "https://evil.com/.example.com", null)]
    [InlineData("https://*.example.com", "https://evil.com?.example.com", null)]
    [InlineData("https://*.example.com", "https://evil.com#.example.com", null)]
    [InlineData("https://*.example.com", "https://evil.com\\.example.com", null)]
    [InlineData("https://*.example.com", "https://evil.com:1@.example.com", null)]
    [InlineData("https://*.example.com", "https://evil.com https://a.example.com", null)]
    [InlineData("https://*.example.com", "https://a.example.com:8443", null)]
    [InlineData("https://*.example.com", "https://a.example.com.evil", null)]
    [InlineData("https://*.example.com", "https://evilexample.com", null)]
    [InlineData("https://*.example.com", "null", null)]
    [InlineData("https://*.example.com:8443", "https://a.example.com:8443", "https://a.example.com:8443")]
    [InlineData("https://*.example.com:8443", "https://a.example.com", null)]
    public async Task Origin_is_allowed_as_the_list_says(string list, string? origin, string? allowed)
    {
        using var stream = new StreamHarness(new SseOptions { AllowedOrigins = list.Split(' ') });
        stream.Http.Request.Headers.Origin = origin;
        stream.Http.Response.Headers.Vary = "Accept-Encoding";
        await AnswerAsync(stream, "GET");
        IHeaderDictionary headers = stream.Http.Response.Headers;
        Assert.Equal(allowed, (string?)headers.AccessControlAllowOrigin);
        Assert.Equal(allowed is null or "*" ? null : "true", (string?)headers.AccessControlAllowCredentials);
        Assert.Equal(list is "none" or "*" ? "Accept-Encoding" : "Accept-Encoding,Origin", (string?)headers.Vary);
    }

    [Theory]
    [InlineData("https://*")]
    [InlineData("https://example.*")]
    [InlineData("https://a.*.example.com")]
    [InlineData("https://*.*.com")]
    [InlineData("https://*example.com")]
    [InlineData("*://example.com")]
    [InlineData("https://*.example.com/")]
    [InlineData("https://example.com:443")]
    [InlineData("https://Example.com")]
    [InlineData("https://user@example.com")]
    [InlineData("example.com")]
    [InlineData("none https://example.com")]
    [InlineData("* https://example.com")]
    public void List_that_would_not_mean_what_it_says_is_refused(string list) =>
        Assert.Throws<ArgumentException>(() => new SseStreamOptions { AllowedOrigins = list.Split(' ') });

    [Fact]
    public async Task Origin_in_vary_is_not_repeated_and_the_answer_of_the_app_stays()
    {
        using var stream = new StreamHarness(new SseOptions { AllowedOrigins = ["https://a.example.com"] });
        stream.Http.Request.Headers.Origin = "https://a.example.com";
        stream.Http.Response.Headers.Vary = "Accept, origin";
        await AnswerAsync(stream, "GET");
        Assert.Equal("Accept, origin", stream.Http.Response.Headers.Vary);

        stream.Http.Response.Headers.AccessControlAllowOrigin = "https://the-app-says.example";
        await AnswerAsync(stream, "GET");
        Assert.Equal("https://the-app-says.example", stream.Http.Response.Headers.AccessControlAllowOrigin);
    }

    [Theory]
    [InlineData(null, null, "GET, HEAD, OPTIONS")]
    [InlineData(null, "GET", "GET, HEAD, OPTIONS")]
    [InlineData(null, "POST", "GET, HEAD, OPTIONS, POST")]
    [InlineData(null, "POST, DELETE", "GET, HEAD, OPTIONS")]
    [InlineData("POST OPTIONS", "POST", "POST, OPTIONS")]
    [InlineData("POST OPTIONS", "DELETE", "POST, OPTIONS")]
    public async Task Preflight_allows_the_methods_of_the_endpoint(string? endpoint, string? asked, string allowed)
    {
        using var stream = new StreamHarness();
        if (endpoint is not null)
        {
            stream.Http.SetEndpoint(new Endpoint(null, new EndpointMetadataCollection(new HttpMethodMetadata(endpoint.Split(' '))), null));
        }

        stream.Http.Request.Headers.AccessControlRequestMethod = asked;
        await AnswerAsync(stream, "OPTIONS");
        Assert.Equal(allowed, stream.Http.Response.Headers.AccessControlAllowMethods);
    }

    private static Task AnswerAsync(StreamHarness stream, string method)
    {
        stream.Http.Request.Method = method;
        return stream.RunToEndAsync((_, _) => AsyncEnumerable.Empty<SseItem<string>>());
    }
}
