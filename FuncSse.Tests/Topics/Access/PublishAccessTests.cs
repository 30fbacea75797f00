using System.Diagnostics;
using System.Net;
using FuncSse.Topics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Hosting.Internal;

namespace FuncSse.Tests.Topics;

/// <summary>Who may publish over HTTP, and how much.</summary>
[Trait("Category", "Fast")]
public sealed class PublishAccessTests
{
    private const string First = "first key of the app";
    private const string Second = "second key of the app";

    [Theory]
    [InlineData("127.0.0.1", "localhost:7071", "", true)]
    [InlineData("127.0.0.1", "LOCALHOST", "", true)]
    [InlineData("127.0.0.1", "127.0.0.1:7071", "", true)]
    [InlineData("::1", "[::1]:7071", "", true)]
    [InlineData("::ffff:127.0.0.1", "localhost:7071", "", true)]
    [InlineData("127.0.0.1", "localhost:7071", "Origin: http://localhost:7071", true)]
    [InlineData("127.0.0.1", "localhost:7071", "Sec-Fetch-Site: same-origin", true)]
    [InlineData("127.0.0.1", "localhost:7071", "Sec-Fetch-Site: none", true)]
    [InlineData(null, "localhost:7071", "", false)]
    [InlineData("192.0.2.1", "localhost:7071", "", false)]
    [InlineData("10.0.0.1", "localhost:7071", "", false)]
    [InlineData("2001:db8::1", "[::1]:7071", "", false)]
    [InlineData("::ffff:192.0.2.1", "localhost:7071", "", false)]
    [InlineData("127.0.0.1", "localhost:7071", "X-Forwarded-For: 127.0.0.1", false)]
    [InlineData("127.0.0.1", "localhost:7071", "X-Forwarded-For: ", false)]
    [InlineData("127.0.0.1", "localhost:7071", "x-forwarded-host: example.com", false)]
    [InlineData("127.0.0.1", "localhost:7071", "X-Forwarded-Proto: https", false)]
    [InlineData("127.0.0.1", "localhost:7071", "Forwarded: for=127.0.0.1", false)]
    [InlineData("127.0.0.1", "localhost:7071", "Via: 1.1 proxy", false)]
    [InlineData("127.0.0.1", "localhost:7071", "X-Real-IP: 127.0.0.1", false)]
    [InlineData("127.0.0.1", "example.com", "", false)]
    [InlineData("127.0.0.1", "localhost.example.com", "", false)]
    [InlineData("127.0.0.1", "127.0.0.1.example.com", "", false)]
    [InlineData("127.0.0.1", "192.0.2.1", "", false)]
    [InlineData("127.0.0.1", "", "", false)]
    [InlineData("127.0.0.1", "localhost:7071", "Origin: http://example.com", false)]
    [InlineData("127.0.0.1", "localhost:7071", "Origin: http://localhost:3000", false)]
    [InlineData("127.0.0.1", "localhost:7071", "Origin: https://localhost:7071", false)]
    [InlineData("127.0.0.1", "localhost:7071", "Origin: null", false)]
    [InlineData("127.0.0.1", "localhost:7071", "Sec-Fetch-Site: cross-site", false)]
    [InlineData("127.0.0.1", "localhost:7071", "Sec-Fetch-Site: same-site", false)]
    public void Without_a_key_this_machine_may_publish_and_no_stranger(string? address, string host, string header, bool isAllowed)
    {
        DefaultHttpContext http = Request(host);
        http.Connection.RemoteIpAddress = address is null ? null : IPAddress.Parse(address);
        if (header.Length > 0)
        {
            string[] parts = header.Split(": ");
            http.Request.Headers[parts[0]] = parts[1];
        }

        Assert.Equal(isAllowed, PublishAccess.IsAllowedWithoutKey(http, new TopicOptions()));
        http.RequestServices = Services("Production"); // A proxy that adds no header looks like this machine.
        Assert.False(PublishAccess.IsAllowedWithoutKey(http, new TopicOptions()));
    }

    [Fact]
    public async Task Outside_of_development_the_answer_says_which_setting_is_missing()
    {
        await using TopicServer server = await TopicServer.StartAsync([], environment: "Production");
        using var body = new StringContent("x");
        using HttpResponseMessage response = await server.Client.PostAsync("topics/a", body, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        string line = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.Contains("set Topics__PublishKey", line, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', line);
    }

    [Theory]
    [InlineData(First, null, true)]
    [InlineData(Second, null, true)]
    [InlineData(null, First, true)]
    [InlineData(null, Second, true)]
    [InlineData(null, null, false)]
    [InlineData("", null, false)]
    [InlineData(null, "", false)]
    [InlineData("first key of the ap", null, false)]
    [InlineData("first key of the app ", null, false)]
    [InlineData("First key of the app", null, false)]
    [InlineData(First + "," + Second, null, false)]
    [InlineData("wrong", First, false)]
    [InlineData(First, "wrong", true)]
    public void With_keys_one_of_them_is_needed_from_everywhere(string? header, string? query, bool isAllowed)
    {
        DefaultHttpContext http = Request("localhost");
        http.Connection.RemoteIpAddress = IPAddress.Loopback;
        if (header is not null)
        {
            http.Request.Headers["x-functions-key"] = header;
        }

        http.Request.QueryString = query is null ? QueryString.Empty : QueryString.Create("code", query);
        var options = new TopicOptions { PublishKey = [First, Second] };
        Assert.Equal(isAllowed, PublishAccess.FindKey(http.Request, options) is not null);
        Assert.False(PublishAccess.IsAllowedWithoutKey(http, options));
    }

    [Fact]
    public async Task Empty_key_stops_the_app_and_a_short_one_warns_without_saying_it()
    {
        (int exitCode, string output, string error) = await SelfHost.RunAsync(("Topics__PublishKey", ""));
        Assert.Equal(1, exitCode);
        Assert.Contains("Topics:PublishKey has a value that is not allowed", error, StringComparison.Ordinal);
        await using SelfHost host = await SelfHost.StartAsync(("Topics__PublishKey__0", First), ("Topics__PublishKey__1", "short-secret"));
        await Eventually.TrueAsync(() => host.Output.Any(line => line.Contains("A key in Topics:PublishKey has fewer than 16 characters", StringComparison.Ordinal)));
        Assert.DoesNotContain("short-secret", string.Join('\n', host.Output), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Each_key_has_a_rate_of_its_own()
    {
        await using TopicServer server = await TopicServer.StartAsync(
            [("Topics:PublishKey:0", First), ("Topics:PublishKey:1", Second), ("Topics:MaxPublishRate", "2"), ("Topics:MaxEventSize", "10")]);
        Assert.Equal(200, await PublishAsync(First));
        Assert.Equal(200, await PublishAsync(First));
        int published = 2;
        while (await PublishAsync(First) == 200)
        {
            Assert.True(++published < 1000);
        }

        // As long as the first is limited: what is wrong in another way is said first.
        Assert.Equal(401, await PublishAsync("wrong"));
        Assert.Equal(400, await PublishAsync(First, "topics/a//b"));
        Assert.Equal(413, await PublishAsync(First, data: "more than ten bytes"));
        Assert.Equal(200, await PublishAsync(Second));
        await Eventually.TrueAsync(async () => await PublishAsync(First) == 200);

        async Task<int> PublishAsync(string key, string path = "topics/a", string data = "x")
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(data) };
            request.Headers.Add("x-functions-key", key);
            using HttpResponseMessage response = await server.Client.SendAsync(request, TestContext.Current.CancellationToken);
            Assert.Equal(response.StatusCode == HttpStatusCode.TooManyRequests ? TimeSpan.FromSeconds(1) : null, response.Headers.RetryAfter?.Delta);
            return (int)response.StatusCode;
        }
    }

    [Fact]
    public async Task Callers_that_only_the_app_has_checked_share_a_rate_whatever_key_they_make_up()
    {
        await using TopicServer server = await TopicServer.StartAsync(
            [("Topics:MaxPublishRate", "5")],
            use: app => app.MapPost("/checked/{*name}", (string name) => new TopicPublishResult(name, isAuthorized: true)));
        int published = 0;
        long began = Stopwatch.GetTimestamp();
        for (int number = 0; number < 50; number++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, $"checked/a?code={number}") { Content = new StringContent("x") };
            using HttpResponseMessage response = await server.Client.SendAsync(request, TestContext.Current.CancellationToken);
            published += response.StatusCode == HttpStatusCode.OK ? 1 : 0;
        }

        Assert.InRange(published, 5, 5 + (5 * (1 + Stopwatch.GetElapsedTime(began).TotalSeconds)));
    }

    private static ServiceProvider Services(string environment) => new ServiceCollection()
        .AddSingleton<IHostEnvironment>(new HostingEnvironment { EnvironmentName = environment }).BuildServiceProvider();

    private static DefaultHttpContext Request(string host)
    {
        var http = new DefaultHttpContext { RequestServices = Services("Development") };
        http.Request.Scheme = "http";
        http.Request.Host = new HostString(host);
        return http;
    }
}
