using System.Net;
using System.Reflection;
using FuncSse.Tests.Topics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing.Patterns;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace FuncSse.Tests.Samples;

/// <summary>
/// The functions of a sample that HTTP triggers, on Kestrel in this process: at the routes, and for the methods, of their triggers. It is
/// what the Functions host would do with them, but for the keys.
/// </summary>
internal sealed class SampleServer : IAsyncDisposable
{
    private readonly WebApplication _app;

    private SampleServer(WebApplication app)
    {
        _app = app;

        // A client that leaves closes its connection at once, as a browser does, and does not wait for the rest of the answer.
        Client = new HttpClient(new SocketsHttpHandler { UseCookies = false, ResponseDrainTimeout = TimeSpan.Zero })
        {
            BaseAddress = new Uri(app.Urls.First()),
            Timeout = TopicServer.Limit,
        };
    }

    public HttpClient Client { get; }

    public IServiceProvider Services => _app.Services;

    public int Port => Client.BaseAddress!.Port;

    /// <summary>Serves the functions in the namespace of one of them.</summary>
    public static async Task<SampleServer> StartAsync(
        Type function, Action<IServiceCollection, IConfiguration> add, params (string Name, string Value)[] settings)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Configuration.AddInMemoryCollection(settings.Select(setting => KeyValuePair.Create(setting.Name, (string?)setting.Value)));
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        builder.Logging.ClearProviders();
        builder.Services.AddScoped<FunctionContext, FunctionCall>();
        add(builder.Services, builder.Configuration);
        WebApplication app = builder.Build();
        IEnumerable<Type> types = function.Assembly.GetTypes().Where(type => type.Namespace == function.Namespace);
        foreach (MethodInfo method in types.SelectMany(type => type.GetMethods()))
        {
            Map(app, method);
        }

        await app.StartAsync(TestContext.Current.CancellationToken);
        return new SampleServer(app);
    }

    public async Task<TopicClient> OpenAsync(
        HttpMethod method, string path, string? body = null, params (string Name, string Value)[] headers)
    {
        HttpResponseMessage response = await SendAsync(method, path, body, headers);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return new TopicClient(response, await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
    }

    /// <summary>Sends a request. The answer is there as soon as its headers are.</summary>
    public async Task<HttpResponseMessage> SendAsync(
        HttpMethod method, string path, string? body = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, new Uri(path, UriKind.Relative));
        request.Content = body is null ? null : new StringContent(body);
        foreach ((string name, string value) in headers)
        {
            Assert.True(request.Headers.TryAddWithoutValidation(name, value));
        }

        return await Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _app.StopAsync(now.Token); // open streams are cut, not waited for
        await _app.DisposeAsync();
    }

    private static void Map(WebApplication app, MethodInfo method)
    {
        HttpTriggerAttribute? trigger = method.GetParameters()
            .Select(parameter => parameter.GetCustomAttribute<HttpTriggerAttribute>()).FirstOrDefault(trigger => trigger is not null);
        if (trigger is null)
        {
            return;
        }

        // As in the worker, each call has an instance of its own.
        var options = new RequestDelegateFactoryOptions
        {
            ServiceProvider = app.Services,
            RouteParameterNames = [.. RoutePatternFactory.Parse(trigger.Route!).Parameters.Select(parameter => parameter.Name)],
        };
        RequestDelegateResult call = RequestDelegateFactory.Create(
            method,
            method.IsStatic ? null : http => ActivatorUtilities.CreateInstance(http.RequestServices, method.DeclaringType!),
            options);
        app.MapMethods($"/{trigger.Route}", trigger.Methods!, call.RequestDelegate);
    }
}
