using System.Diagnostics.Metrics;
using FuncSse.Streaming;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FuncSse.Topics;

/// <summary>Adds topics to an app.</summary>
public static class TopicServiceCollectionExtensions
{
    /// <summary>
    /// Adds <see cref="ITopicPublisher"/>, <see cref="ITopicReader"/>, <see cref="ITopicTickets"/>, <see cref="IRecordedStreams"/> and the services that <see cref="TopicStreamResult"/> and
    /// <see cref="TopicPublishResult"/> need, including those of event streams. Events are kept in memory unless
    /// <see cref="TopicOptions.Log"/> names another log, whose package must be added too.
    /// </summary>
    /// <param name="services">The app's services.</param>
    /// <param name="configure">Sets the options. They are checked when the app starts.</param>
    /// <returns><paramref name="services"/>.</returns>
    public static IServiceCollection AddTopics(this IServiceCollection services, Action<TopicOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        if (configure is not null)
        {
            services.Configure(configure);
        }

        return services.AddTopicServices();
    }

    /// <summary>
    /// Does the same as <see cref="AddTopics(IServiceCollection, Action{TopicOptions}?)"/>, with options from the app's configuration.
    /// </summary>
    /// <param name="services">The app's services.</param>
    /// <param name="section">The section, usually <c>configuration.GetSection("Topics")</c>. It is read when the app starts.</param>
    /// <returns><paramref name="services"/>.</returns>
    public static IServiceCollection AddTopics(this IServiceCollection services, IConfigurationSection section)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(section);
        services.AddSingleton<IConfigureOptions<TopicOptions>>(
            provider => new TopicOptionsSetup(section, provider.GetRequiredService<ILogger<TopicOptions>>()));
        return services.AddTopicServices();
    }

    private static IServiceCollection AddTopicServices(this IServiceCollection services)
    {
        if (services.Any(service => service.ServiceType == typeof(TopicHub)))
        {
            return services;
        }

        services.AddServerSentEvents();
        services.AddMetrics();
        services.AddOptions<TopicOptions>().ValidateOnStart();
        services.AddSingleton<IValidateOptions<TopicOptions>, TopicOptionsSetup.Check>();
        services.AddSingleton(provider => provider.GetRequiredService<IOptions<TopicOptions>>().Value);
        services.TryAddSingleton(TimeProvider.System);
        services.AddKeyedSingleton<EventLogFactory>(
            "memory", (provider, _) => options => new MemoryEventLog(options, provider.GetRequiredService<TimeProvider>()));
        services.TryAddSingleton(provider => CreateLog(provider, provider.GetRequiredService<TopicOptions>()));
        services.TryAddKeyedSingleton(
            typeof(RecordingLog), (provider, _) => CreateLog(provider, RecordingLog.OptionsOf(provider.GetRequiredService<TopicOptions>())));
        services.AddSingleton<TopicMetrics>();
        services.AddSingleton<EventLogWriter>();
        services.AddSingleton<Revocations>();
        services.AddSingleton<TopicHub>();
        services.AddSingleton<TopicPublisher>();
        services.AddSingleton<PublishRate>();
        services.AddSingleton<SubscribeAccess>();
        services.AddSingleton<TopicTickets>();
        services.AddSingleton<ITopicTickets>(provider => provider.GetRequiredService<TopicTickets>());
        services.AddSingleton<ITopicReader, TopicReader>();
        services.AddSingleton<RecordingMetrics>();
        services.AddSingleton(CreateRecordingLog);
        services.AddSingleton<RecordedStreams>();
        services.AddSingleton<IRecordedStreams>(provider => provider.GetRequiredService<RecordedStreams>());
        services.AddSingleton<ITopicPublisher>(provider => provider.GetRequiredService<TopicPublisher>());
        return services.AddHostedService<TopicHostedService>();
    }

    private static RecordingLog CreateRecordingLog(IServiceProvider provider)
    {
        IEventLog log = provider.GetRequiredKeyedService<IEventLog>(typeof(RecordingLog));
        TimeProvider time = provider.GetRequiredService<TimeProvider>();
        // Its appends and reads are not those of the topics.
        var metrics = new TopicMetrics(
            log, provider.GetRequiredService<IMeterFactory>(), time, provider.GetRequiredService<ILogger<TopicMetrics>>(), $"{SseMeter.Name}.Recording");
        return new RecordingLog(log, RecordingLog.OptionsOf(provider.GetRequiredService<TopicOptions>()), metrics, time);
    }

    // Each package registers its log with the option's value as the key.
    private static IEventLog CreateLog(IServiceProvider provider, TopicOptions options)
    {
        string name = options.Log;
        return provider.GetKeyedService<EventLogFactory>(name)?.Invoke(options)
            ?? throw new InvalidOperationException($"{TopicOptions.Section}:{nameof(TopicOptions.Log)} is '{name}', which needs " + (name == "storage"
                ? "the package FuncSse.Topics.AzureStorage and the call builder.Services.AddAzureStorageEventLog(builder.Configuration)."
                : "the package FuncSse.Topics.Redis and the call builder.Services.AddRedisEventLog()."));
    }
}
