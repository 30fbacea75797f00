using System.Net;
using System.Net.ServerSentEvents;
using FuncSse.Client;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace FuncSse.Tests.Client;

/// <summary>Redirects, over Kestrel: what is sent where.</summary>
public sealed class SseClientRedirectTests
{
    private const string Key = "x-functions-key";

    [Theory]
    [InlineData(301)]
    [InlineData(302)]
    [InlineData(303)]
    [InlineData(307)]
    [InlineData(308)]
    public async Task Redirect_keeps_the_method_and_the_body_and_takes_no_credentials_to_another_origin(int status)
    {
        await using FeedServer target = await FeedServer.StartAsync(EchoAsync);
        await using FeedServer server = await FeedServer.StartAsync(RedirectAsync(status, target.Address));
        using HttpClient http = Client();
        http.DefaultRequestHeaders.Add("x-default", "secret");
        string seen = await FirstAsync(new SseClient(http, new SseClientOptions { PrepareRequest = Prepare }), server.Address);
        Assert.Equal("POST prompt id=5 key= authorization= default= query=", seen);
    }

    [Fact]
    public async Task Redirect_within_the_origin_takes_them_along_and_a_way_back_does_not()
    {
        await using FeedServer server = await FeedServer.StartAsync(http => http.Request.Path == "/here" ? EchoAsync(http) : RedirectAsync(307, "/here")(http));
        using HttpClient http = Client();
        var client = new SseClient(http, new SseClientOptions { PrepareRequest = Prepare });
        Assert.Equal("POST prompt id=5 key=secret authorization=Bearer secret default= query=", await FirstAsync(client, server.Address));

        await using FeedServer other = await FeedServer.StartAsync(RedirectAsync(307, server.Address.Replace("/feed", "/here", StringComparison.Ordinal)));
        await using FeedServer first = await FeedServer.StartAsync(http => http.Request.Path == "/here" ? EchoAsync(http) : RedirectAsync(302, other.Address)(http));
        Assert.Equal("POST prompt id=5 key= authorization= default= query=", await FirstAsync(client, first.Address));
    }

    [Theory]
    [InlineData("/feed", "redirects more than 20 times")]
    [InlineData("file:///etc/passwd", "redirects to file")]
    [InlineData("//", "redirects to no address")]
    [InlineData("http://:80/", "redirects to no address")]
    [InlineData(null, "redirects to no address")]
    public async Task Redirect_that_leads_nowhere_ends_the_reading(string? location, string says)
    {
        await using FeedServer server = await FeedServer.StartAsync(RedirectAsync(302, location));
        using HttpClient http = Client();
        SseRefusedException refused = await Assert.ThrowsAsync<SseRefusedException>(() => FirstAsync(new SseClient(http), server.Address));
        Assert.Contains(says, refused.Message, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.Redirect, refused.StatusCode);
    }

    [Fact]
    public async Task Handler_that_follows_redirects_itself_is_not_used_with_credentials()
    {
        await using FeedServer target = await FeedServer.StartAsync(EchoAsync);
        await using FeedServer server = await FeedServer.StartAsync(RedirectAsync(302, target.Address));
        using var http = new HttpClient();
        Assert.Equal("GET  id=5 key= authorization= default= query=", await FirstAsync(new SseClient(http), server.Address));
        var client = new SseClient(http, new SseClientOptions { PrepareRequest = (request, _, _) => { request.Headers.Add(Key, "secret"); return ValueTask.CompletedTask; } });
        InvalidOperationException problem = await Assert.ThrowsAsync<InvalidOperationException>(() => FirstAsync(client, server.Address));
        Assert.Contains("Set AllowAutoRedirect to false", problem.Message, StringComparison.Ordinal);

        // It would send a GET in place of the POST, even within the origin.
        await using FeedServer same = await FeedServer.StartAsync(http => http.Request.Path == "/here" ? EchoAsync(http) : RedirectAsync(302, "/here")(http));
        await Assert.ThrowsAsync<InvalidOperationException>(() => FirstAsync(new SseClient(http, new SseClientOptions { PrepareRequest = Prepare }), same.Address));
    }

    [Fact]
    public async Task Client_of_the_services_follows_redirects_safely_and_sends_ids_as_browsers_do()
    {
        await using FeedServer target = await FeedServer.StartAsync(EchoAsync);
        await using FeedServer server = await FeedServer.StartAsync(RedirectAsync(302, target.Address));
        var services = new ServiceCollection();
        services.AddSingleton("secret").AddSseClient();
        services.AddOptions<SseClientOptions>().Configure<string>((options, key) => options.PrepareRequest = (request, _, _) =>
        {
            request.Headers.Add(Key, key);
            return ValueTask.CompletedTask;
        });
        await using ServiceProvider provider = services.BuildServiceProvider();
        SseClient client = provider.GetRequiredService<SseClient>();
        Assert.Equal("GET  id=é key= authorization= default= query=", await FirstAsync(client, server.Address, "é"));
        Assert.Equal("GET  id=é key=secret authorization= default= query=?a", await FirstAsync(client, target.Address + "?a", "é"));
    }

    private static HttpClient Client() => new(new SocketsHttpHandler { AllowAutoRedirect = false });

    private static ValueTask Prepare(HttpRequestMessage request, bool isUnauthorized, CancellationToken cancellationToken)
    {
        request.Method = HttpMethod.Post;
        request.Content = new StringContent("prompt");
        request.Headers.Add(Key, "secret");
        request.Headers.Add("Authorization", "Bearer secret");
        return ValueTask.CompletedTask;
    }

    private static RequestDelegate RedirectAsync(int status, string? location) => http =>
    {
        http.Response.StatusCode = status;
        http.Response.Headers.Location = location;
        return Task.CompletedTask;
    };

    private static async Task EchoAsync(HttpContext http)
    {
        FeedServer.Open(http);
        string body = await new StreamReader(http.Request.Body).ReadToEndAsync();
        string id = System.Text.Encoding.UTF8.GetString(System.Text.Encoding.Latin1.GetBytes($"{http.Request.Headers["Last-Event-ID"]}"));
        id = id.Contains('\uFFFD', StringComparison.Ordinal) ? $"{http.Request.Headers["Last-Event-ID"]}" : id;
        await http.Response.WriteAsync($"data: {http.Request.Method} {body} id={id} key={http.Request.Headers[Key]} authorization={http.Request.Headers.Authorization} default={http.Request.Headers["x-default"]} query={http.Request.QueryString}\n\n");
    }

    private static async Task<string> FirstAsync(SseClient client, string address, string id = "5")
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(30));
        await foreach (SseItem<string> item in client.ReadAsync(new Uri(address), id, limit.Token))
        {
            return item.Data;
        }

        return "";
    }
}
