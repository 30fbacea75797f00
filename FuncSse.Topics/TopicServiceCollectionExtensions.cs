using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace FuncSse.Topics;

/// <summary>What an app with topics registers.</summary>
public static class TopicServiceCollectionExtensions
{
    /// <summary>Adds topics: <see cref="ITopicPublisher"/>, and the log in memory unless another <see cref="IEventLog"/> is registered.</summary>
    /// <param name="services">The app's services.</param>
    /// <param name="options">The settings.</param>
    public static IServiceCollection AddTopics(this IServiceCollection services, TopicOptions options)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(options);
        services.AddMetrics();
        services.AddSingleton(options);
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<IEventLog>(provider =>
            new MemoryEventLog(options, provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<TopicMetrics>();
        services.AddSingleton<EventLogWriter>();
        services.AddSingleton<TopicHub>();
        services.AddSingleton<ITopicPublisher, TopicPublisher>();
        services.AddHostedService<TopicLifetime>();
        return services;
    }
}
