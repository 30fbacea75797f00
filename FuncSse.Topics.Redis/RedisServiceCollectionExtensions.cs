using Azure.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using StackExchange.Redis;

namespace FuncSse.Topics.Redis;

/// <summary>What an app registers to keep the events of its topics in Redis.</summary>
public static class RedisServiceCollectionExtensions
{
    /// <summary>Keeps the events of the topics in a Redis stream under the key <see cref="TopicOptions.Name"/> in braces.</summary>
    /// <param name="services">The app's services.</param>
    /// <param name="configure">Completes what <see cref="TopicOptions.Redis"/> says before the connection is made.</param>
    /// <param name="credential">
    /// Signs in with Microsoft Entra ID, as <c>_ => new DefaultAzureCredential()</c> of the package Azure.Identity does. It is used only if
    /// <see cref="TopicOptions.Redis"/> names a Redis of Azure and has no password.
    /// </param>
    /// <returns><paramref name="services"/>.</returns>
    /// <remarks>
    /// The log is used where <see cref="TopicOptions.Log"/> is <c>redis</c>. A <see cref="TopicOptions.Redis"/> that is missing or not valid stops
    /// the app when it starts, with a message that names it. Redis itself need not be running: publishers get
    /// <see cref="EventLogUnavailableException"/> and streams wait until it is.
    /// </remarks>
    public static IServiceCollection AddRedisEventLog(
        this IServiceCollection services,
        Func<ConfigurationOptions, Task>? configure = null,
        Func<IServiceProvider, TokenCredential>? credential = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddSingleton<IPostConfigureOptions<TopicOptions>>(provider => new NamedConnection(provider.GetService<IConfiguration>()));
        services.AddSingleton<IValidateOptions<TopicOptions>, Check>();
        return services.AddKeyedSingleton<EventLogFactory>("redis", (provider, _) => options =>
        {
            TimeProvider time = provider.GetRequiredService<TimeProvider>();
            ILogger<RedisEventLog> logger = provider.GetRequiredService<ILogger<RedisEventLog>>();
            RedisIdentity? identity = credential is not null && RedisIdentity.IsFor(ConfigurationOptions.Parse(options.Redis!))
                ? new RedisIdentity(credential(provider), time, logger)
                : null;
            return new RedisEventLog(options, configure, time, logger, identity);
        });
    }

    // As Aspire gives a connection to an app: under ConnectionStrings, by its name.
    private sealed class NamedConnection(IConfiguration? configuration) : IPostConfigureOptions<TopicOptions>
    {
        public void PostConfigure(string? name, TopicOptions options) =>
            options.Redis = options.Redis is { Length: > 0 } connection && configuration?.GetConnectionString(connection) is { Length: > 0 } found
                ? found
                : options.Redis;
    }

    private sealed class Check : IValidateOptions<TopicOptions>
    {
        public ValidateOptionsResult Validate(string? name, TopicOptions options) => options.Log != "redis" || IsValid(options.Redis)
            ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail(
                // The string contains the password, so the message contains only its name.
                $"{TopicOptions.Section}:{nameof(TopicOptions.Redis)} is missing or not valid; it must be a configuration string of StackExchange.Redis, "
                + "such as localhost:6379");

        private static bool IsValid(string? configuration)
        {
            try
            {
                return !string.IsNullOrWhiteSpace(configuration) && ConfigurationOptions.Parse(configuration).EndPoints.Count > 0;
            }
            catch (ArgumentException)
            {
                return false;
            }
        }
    }
}
