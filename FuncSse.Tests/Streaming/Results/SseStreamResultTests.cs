using System.Net.ServerSentEvents;
using System.Reflection;
using FuncSse.Endpoints;
using FuncSse.Streaming;
using Microsoft.AspNetCore.Http;

namespace FuncSse.Tests;

/// <summary>What a request is answered before any event: headers, CORS, HEAD and OPTIONS.</summary>
[Trait("Category", "Fast")]
public sealed class SseStreamResultTests
{
    private static readonly string[] s_origins = ["https://a.example", "https://b.example"];

    [Theory]
    [InlineData("GET")]
    [InlineData("HEAD")]
    public async Task Headers_are_those_of_a_stream(string method)
    {
        using var stream = new StreamHarness();
        await AnswerAsync(stream, method);
        IHeaderDictionary headers = stream.Http.Response.Headers;
        Assert.Equal(200, stream.Http.Response.StatusCode);
        Assert.Equal("text/event-stream", headers.ContentType);
        Assert.Equal("no-cache, no-store, no-transform", headers.CacheControl);
        Assert.Equal("no", headers["X-Accel-Buffering"]);
        Assert.Equal("keep-alive", headers.Connection);
        Assert.Equal("*", headers.AccessControlAllowOrigin);
        Assert.Equal(5, headers.Count);
        Assert.True(stream.IsUnbuffered);
        Assert.Matches(method == "GET" ? "^retry: 1000\n\n" : "^$", stream.Read());
    }

    [Theory]
    [InlineData("HTTP/1.0", false)]
    [InlineData("HTTP/1.1", true)]
    [InlineData("HTTP/2", false)]
    [InlineData("HTTP/3", false)]
    public async Task Connection_is_named_on_http_1_1_only(string protocol, bool named)
    {
        using var stream = new StreamHarness();
        stream.Http.Request.Protocol = protocol;
        await AnswerAsync(stream);
        Assert.Equal(named, stream.Http.Response.Headers.ContainsKey("Connection"));
    }

    [Fact]
    public async Task Head_and_options_neither_call_the_feed_nor_count_as_streams()
    {
        foreach (string method in (string[])["HEAD", "OPTIONS"])
        {
            using var stream = new StreamHarness();
            stream.Http.Request.Method = method;
            Task answer = stream.RunAsync<string>((_, _) => throw new InvalidOperationException("not called"));
            Assert.True(answer.IsCompletedSuccessfully);
            Assert.Equal("", stream.Read());
            Assert.Empty(stream.Logs.GetSnapshot());
        }
    }

    [Fact]
    public async Task Options_is_answered_204_with_what_a_preflight_asks()
    {
        using var stream = new StreamHarness();
        await AnswerAsync(stream, "OPTIONS");
        IHeaderDictionary headers = stream.Http.Response.Headers;
        Assert.Equal(204, stream.Http.Response.StatusCode);
        Assert.Equal("*", headers.AccessControlAllowOrigin);
        Assert.Equal("GET, HEAD, OPTIONS", headers.AccessControlAllowMethods);
        Assert.Equal("authorization, content-type, last-event-id, x-functions-key, cache-control, *", headers.AccessControlAllowHeaders);
        Assert.Equal("86400", headers.AccessControlMaxAge);
    }

    [Theory]
    [InlineData("GET", "https://a.example", "https://a.example")]
    [InlineData("HEAD", "https://b.example", "https://b.example")]
    [InlineData("OPTIONS", "https://a.example", "https://a.example")]
    [InlineData("GET", "https://c.example", null)]
    [InlineData("GET", "https://A.example", null)]
    [InlineData("GET", "https://a.example.evil", null)]
    [InlineData("GET", "null", null)]
    [InlineData("GET", null, null)]
    public async Task Origin_of_the_list_is_answered_with_itself(string method, string? origin, string? answer)
    {
        using var stream = new StreamHarness(new SseOptions { AllowedOrigins = s_origins });
        stream.Http.Request.Headers.Origin = origin;
        await AnswerAsync(stream, method);
        Assert.Equal(answer, (string?)stream.Http.Response.Headers.AccessControlAllowOrigin);
        Assert.Equal("Origin", stream.Http.Response.Headers.Vary);
    }

    [Fact]
    public async Task Two_origins_are_no_origin()
    {
        using var stream = new StreamHarness(new SseOptions { AllowedOrigins = s_origins });
        stream.Http.Request.Headers.Origin = s_origins;
        await AnswerAsync(stream);
        Assert.Equal(0, stream.Http.Response.Headers.AccessControlAllowOrigin.Count);
    }

    [Fact]
    public void Results_have_nothing_to_serialise()
    {
        Assert.Empty(typeof(SseStreamResult<string>).GetProperties(BindingFlags.Public | BindingFlags.Instance));
        Assert.Empty(typeof(PageResult).GetProperties(BindingFlags.Public | BindingFlags.Instance));
    }

    private static Task AnswerAsync(StreamHarness stream, string method = "GET")
    {
        stream.Http.Request.Method = method;
        return stream.RunToEndAsync((_, _) => AsyncEnumerable.Empty<SseItem<string>>());
    }
}
