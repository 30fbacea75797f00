using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace FuncSse.Client;

/// <summary>Adds the client to an app.</summary>
public static class SseClientServiceCollectionExtensions
{
    /// <summary>
    /// Adds <see cref="SseClient"/>, with an <see cref="HttpClient"/> from <see cref="IHttpClientFactory"/> whose handler is made for streams.
    /// </summary>
    /// <param name="services">The app's services.</param>
    /// <param name="configure">
    /// Sets the options. To use services for that, configure <see cref="SseClientOptions"/> with
    /// <see cref="OptionsServiceCollectionExtensions.AddOptions{TOptions}(IServiceCollection)"/>.
    /// </param>
    /// <returns>A builder for what the <see cref="HttpClient"/> needs besides, such as a client certificate.</returns>
    public static IHttpClientBuilder AddSseClient(this IServiceCollection services, Action<SseClientOptions>? configure = null)
    {
        services.Configure(configure ?? (_ => { }));
        services.TryAddTransient(provider => provider.GetRequiredService<IOptions<SseClientOptions>>().Value); // for the client's constructor
        IHttpClientBuilder builder = services.AddHttpClient<SseClient>(http => http.Timeout = Timeout.InfiniteTimeSpan);
        // A client lives as long as its streams, so its connections are renewed and not its handler. The browser has a handler of its own.
        builder.SetHandlerLifetime(Timeout.InfiniteTimeSpan);
        return OperatingSystem.IsBrowser() ? builder : builder.ConfigurePrimaryHttpMessageHandler(() => new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            PooledConnectionLifetime = TimeSpan.FromMinutes(2),
            MaxResponseDrainSize = 0, // A stream has no end to wait for.
            RequestHeaderEncodingSelector = static (name, _) => name == "Last-Event-ID" ? Encoding.UTF8 : null, // As browsers send it.
        });
    }
}
