using FuncSse.Streaming;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FuncSse;

/// <summary>What is different on Azure Functions from a web server of one's own.</summary>
internal static class AzureSettings
{
    /// <summary>
    /// Ignores the limit for each client where no client can be told from another, and warns at startup of that and of what suits one machine
    /// alone.
    /// </summary>
    public static void AddAzureSettings(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddSingleton<IPostConfigureOptions<SseOptions>, ClientLimit>();
        if (!string.IsNullOrEmpty(configuration["WEBSITE_INSTANCE_ID"])) // The platform sets it on each instance.
        {
            services.AddHostedService<TopicWarnings>();
        }
    }

    /// <summary>
    /// The host's proxy replaces <c>X-Forwarded-For</c>, so the address of a request is that of the platform's front end: all clients would
    /// share one limit.
    /// </summary>
    private sealed class ClientLimit(ILogger<SseOptions> logger) : IPostConfigureOptions<SseOptions>
    {
        private bool _hasWarned;

        public void PostConfigure(string? name, SseOptions options)
        {
            if (options is { MaxStreamsPerClient: not null, ClientHeader: null })
            {
                options.MaxStreamsPerClient = null;
                if (!Interlocked.Exchange(ref _hasWarned, true))
                {
                    FunctionLogMessages.ClientLimitIsIgnored(logger);
                }
            }
        }
    }
}
