//#if (hasRedis)
using Azure.Identity;
//#endif
using FuncSse.Streaming;
//#if (hasTopics)
using FuncSse.Topics;
//#endif
//#if (hasStorage)
using FuncSse.Topics.AzureStorage;
//#endif
//#if (hasRedis)
using FuncSse.Topics.Redis;
//#endif
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace SseApp;

/// <summary>The services that the function app and the self-host share.</summary>
public static class StreamServices
{
    public static IServiceCollection AddStreams(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddServerSentEvents(configuration.GetSection("Sse"));
        //#if (hasTopics)
        services.AddTopics(configuration.GetSection("Topics"));
        //#endif
        //#if (hasStorage)
        services.AddAzureStorageEventLog(configuration);
        //#endif
        //#if (hasRedis)
        services.AddRedisEventLog(credential: _ => new DefaultAzureCredential());
        //#endif
        services.AddSingleton(new ClockFeed(TimeProvider.System));
        return services;
    }
}
