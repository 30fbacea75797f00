using Azure.Identity;
using FuncSse.Streaming;
using FuncSse.Topics;
using FuncSse.Topics.AzureStorage;
using FuncSse.Topics.Redis;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace FuncSse.Endpoints;

/// <summary>Adds what both hosts serve.</summary>
public static class EndpointsServiceCollectionExtensions
{
    /// <summary>
    /// Adds the counter, the page, the topics, the streams under them, and the export of their metrics where a variable asks for it. The
    /// streams may be read from any origin unless <c>Sse:AllowedOrigins</c> says otherwise: they are a demonstration.
    /// </summary>
    /// <param name="services">The host's services.</param>
    /// <param name="configuration">The host's configuration.</param>
    /// <returns><paramref name="services"/>.</returns>
    public static IServiceCollection AddEndpoints(this IServiceCollection services, IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        IConfigurationSection section = configuration.GetSection(SseOptions.Section);
        services.Configure<SseOptions>(options => options.AllowedOrigins = ["*"]);
        services.AddServerSentEvents(section, nameof(CounterOptions.Interval));
        services.ConfigureServerForStreams();
        services.AddOptions<CounterOptions>().ValidateOnStart();
        services.AddSingleton<IConfigureOptions<CounterOptions>>(new CounterOptions.Setup(section));
        services.AddSingleton(provider => new CounterFeed(
            provider.GetRequiredService<IOptions<CounterOptions>>().Value.Interval, provider.GetRequiredService<CoalescingTimeProvider>()));
        services.AddSingleton<StaticFiles>();
        services.AddOptions<AnswerOptions>().ValidateOnStart();
        services.AddSingleton<IConfigureOptions<AnswerOptions>>(new AnswerOptions.Setup(configuration.GetSection(AnswerOptions.Section)));
        services.AddSingleton(provider => new LocalAnswer(
            provider.GetRequiredService<IOptions<AnswerOptions>>().Value, provider.GetRequiredService<CoalescingTimeProvider>()));
        services.AddTopics(configuration.GetSection(TopicOptions.Section));
        services.AddAzureStorageEventLog(configuration);
        services.AddRedisEventLog(credential: _ => new DefaultAzureCredential());
        services.AddMetricsExport(configuration);
        return services;
    }

    /// <summary>Checks the options before the host starts, and writes one line for each error.</summary>
    /// <param name="services">The services of the host that was built.</param>
    /// <param name="error">Where the lines go.</param>
    /// <returns>Whether the host can start.</returns>
    public static bool CheckOptions(this IServiceProvider services, TextWriter error)
    {
        ArgumentNullException.ThrowIfNull(error);
        try
        {
            services.GetRequiredService<IStartupValidator>().Validate();
            return true;
        }
        catch (Exception exception) when (exception is OptionsValidationException or AggregateException)
        {
            IEnumerable<Exception> failures = exception is AggregateException all ? all.InnerExceptions : [exception];
            foreach (string line in failures.SelectMany(failure => failure is OptionsValidationException options ? options.Failures : [failure.Message]))
            {
                error.WriteLine(line);
            }

            return false;
        }
    }
}
