using System.Net;
using FuncSse.Endpoints;
using FuncSse.Streaming;
using FuncSse.Topics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;

namespace FuncSse.Tests.Topics;

/// <summary>The endpoints of the self-host on Kestrel in this process, with services and a clock of the test's own.</summary>
internal sealed class TopicServer : IAsyncDisposable
{
    public const string Key = "a signing key of 32 bytes or more";

    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly WebApplication _app;

    private TopicServer(WebApplication app)
    {
        _app = app;
        Client = new HttpClient(new SocketsHttpHandler { UseCookies = false }) { BaseAddress = new Uri(app.Urls.First()), Timeout = Limit };
    }

    public HttpClient Client { get; }

    public IServiceProvider Services => _app.Services;

    public ITopicTickets Tickets => Services.GetRequiredService<ITopicTickets>();

    public FakeLogCollector Logs { get; } = new();

    public static (string, string)[] WithKey(params (string, string)[] settings) => [("Topics:SigningKey", Key), .. settings];

    public static async Task<TopicServer> StartAsync(
        IEnumerable<(string Name, string Value)> settings,
        TimeProvider? time = null,
        Action<IServiceCollection>? add = null,
        Action<WebApplication>? use = null,
        string environment = "Development")
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { EnvironmentName = environment });
        builder.Configuration.AddInMemoryCollection(settings.Select(setting => KeyValuePair.Create(setting.Name, (string?)setting.Value)));
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        builder.Logging.ClearProviders().AddFilter("FuncSse", LogLevel.Debug).AddFilter("Microsoft", LogLevel.Error);
        if (time is not null)
        {
            builder.Services.AddSingleton(time);
        }

        builder.Services.AddEndpoints(builder.Configuration);
        if (time is not null)
        {
            builder.Services.AddSingleton(_ => new CoalescingTimeProvider(time));
        }

        add?.Invoke(builder.Services);
        WebApplication app = builder.Build();
        use?.Invoke(app);
        app.MapTopics();
        await app.StartAsync(TestContext.Current.CancellationToken);
        var server = new TopicServer(app);
        app.Services.GetRequiredService<ILoggerFactory>().AddProvider(new FakeLoggerProvider(server.Logs));
        return server;
    }

    /// <summary>Asks without a body, which shows the status, and at an address that is sent as it stands.</summary>
    public async Task<HttpResponseMessage> HeadAsync(string path, params (string Name, string Value)[] headers)
    {
        using HttpRequestMessage request = Request(HttpMethod.Head, path, headers);
        return await Client.SendAsync(request, TestContext.Current.CancellationToken);
    }

    public async Task<TopicClient> OpenAsync(string path, params (string Name, string Value)[] headers)
    {
        using HttpRequestMessage request = Request(HttpMethod.Get, path, headers);
        HttpResponseMessage response = await Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return new TopicClient(response, await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
    }

    public Task<string> PublishAsync(string topic, string data, string? type = null, bool retain = false) =>
        Services.GetRequiredService<ITopicPublisher>().PublishAsync(topic, data, type, TestContext.Current.CancellationToken, retain).WaitAsync(Limit);

    /// <summary>Lets the result answer a HEAD request that no socket has carried.</summary>
    public async Task<HttpResponse> AnswerAsync(string topic, string authorization)
    {
        var http = new DefaultHttpContext { RequestServices = Services };
        http.Request.Method = HttpMethods.Head;
        http.Request.Headers.Authorization = authorization;
        await new TopicStreamResult(topic).ExecuteAsync(http);
        return http.Response;
    }

    /// <summary>Stops the host as a deployment does.</summary>
    public Task StopAsync() => _app.StopAsync(TestContext.Current.CancellationToken).WaitAsync(Limit);

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _app.DisposeAsync();
    }

    private HttpRequestMessage Request(HttpMethod method, string path, (string Name, string Value)[] headers)
    {
        var asIs = new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true };
        var request = new HttpRequestMessage(method, new Uri($"{Client.BaseAddress!.GetLeftPart(UriPartial.Authority)}/{path}", asIs));
        foreach ((string name, string value) in headers)
        {
            Assert.True(request.Headers.TryAddWithoutValidation(name, value));
        }

        return request;
    }
}
