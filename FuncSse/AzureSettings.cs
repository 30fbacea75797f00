using FuncSse.Streaming;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace FuncSse;

/// <summary>What is different on Azure from a machine of one's own.</summary>
internal static class AzureSettings
{
    /// <summary>
    /// Takes the client's address from the platform's front end, which is the one proxy that each request passes and which appends the
    /// address to <c>X-Forwarded-For</c>, and warns at the start of what suits one machine alone. Call it before the options are read: a
    /// setting goes before what it sets.
    /// </summary>
    public static void AddAzureSettings(this IServiceCollection services, IConfiguration configuration)
    {
        if (!string.IsNullOrEmpty(configuration["WEBSITE_INSTANCE_ID"])) // The platform sets it on each instance.
        {
            services.Configure<SseOptions>(options => options.Proxies = 1);
            services.AddHostedService<TopicWarnings>();
        }
    }
}
