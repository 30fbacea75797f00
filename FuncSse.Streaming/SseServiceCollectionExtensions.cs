using System.Text;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace FuncSse.Streaming;

/// <summary>Wires the engine into an app.</summary>
public static class SseServiceCollectionExtensions
{
    // Bytes, each of the request line and of all headers. What a stream's request said is kept for as long as the stream.
    private const int MaxRequestHead = 256 * 1024;

    private const int MaxRequestHeaders = 1000;

    private static readonly Encoding LenientUtf8 = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: false);

    /// <summary>
    /// Adds what <see cref="SseStreamResult{T}"/> and <see cref="CounterFeed"/> need, with the settings of the section <c>Sse</c>, and
    /// sets Kestrel up for long streams, its transport over sockets included, whose
    /// <see cref="SocketTransportOptions.MaxWriteBufferSize"/> is not the app's any more: the function app's worker serves with it as well.
    /// </summary>
    /// <param name="services">The app's services.</param>
    /// <param name="configuration">The app's configuration.</param>
    /// <returns><paramref name="services"/>.</returns>
    /// <exception cref="Microsoft.Extensions.Options.OptionsValidationException">A setting is not what is allowed.</exception>
    public static IServiceCollection AddServerSentEvents(this IServiceCollection services, IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddSingleton(SseOptions.Read(configuration, Path.Combine(AppContext.BaseDirectory, "host.json")));
        services.AddSingleton(_ => new CoalescingTimeProvider(TimeProvider.System)); // Made here, it would not be disposed of.
        services.AddSingleton<SseStreams>();
        services.AddHostedService(provider => provider.GetRequiredService<SseStreams>());
        services.AddSingleton(provider => new CounterFeed(provider.GetRequiredService<SseOptions>(), provider.GetRequiredService<CoalescingTimeProvider>()));
        services.Configure<HostOptions>(host =>
        {
            // How long Kestrel waits for clients that do not read the rest, or do not send theirs: the platform kills a worker after 5 s.
            host.ShutdownTimeout = TimeSpan.FromSeconds(3);
        });
        services.Configure<KestrelServerOptions>(kestrel =>
        {
            // A browser that is answered anything but 200 never comes back, so an absurd id is read and ignored, not refused.
            kestrel.Limits.MaxRequestHeadersTotalSize = MaxRequestHead;
            kestrel.Limits.MaxRequestBufferSize = MaxRequestHead; // What a client sends beyond its request is not taken by the megabyte.
            kestrel.Limits.MaxRequestHeaderCount = MaxRequestHeaders;
            kestrel.Limits.MaxRequestLineSize = MaxRequestHead;
            kestrel.RequestHeaderEncodingSelector = static _ => LenientUtf8;
        });
        ReplaceSocketTransport(services);
        return services;
    }

    // In its place among the app's other transports, if it has any: Kestrel asks the last one first.
    private static void ReplaceSocketTransport(IServiceCollection services)
    {
        ServiceDescriptor direct = ServiceDescriptor.Singleton<IConnectionListenerFactory, DirectTransport>();
        ServiceDescriptor? sockets = services.LastOrDefault(
            service => service.ServiceType == direct.ServiceType && service.ImplementationType == typeof(SocketTransportFactory));
        if (sockets is null)
        {
            services.Add(direct);
        }
        else
        {
            services[services.IndexOf(sockets)] = direct;
        }
    }
}
