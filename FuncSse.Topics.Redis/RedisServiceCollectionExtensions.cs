using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using StackExchange.Redis;

namespace FuncSse.Topics.Redis;

/// <summary>What an app registers that keeps its topics' events in Redis.</summary>
public static class RedisServiceCollectionExtensions
{
    /// <summary>Keeps the events of the topics in a Redis stream under the key <see cref="TopicOptions.Name"/> in braces.</summary>
    /// <param name="services">The app's services.</param>
    /// <param name="configure">
    /// Completes what <see cref="TopicOptions.Redis"/> says before the connection is made, as
    /// <c>options => options.ConfigureForAzureWithTokenCredentialAsync(credential)</c> of the package Microsoft.Azure.StackExchangeRedis does.
    /// </param>
    /// <returns><paramref name="services"/>.</returns>
    /// <remarks>
    /// The log is used where <see cref="TopicOptions.Log"/> is <c>redis</c>. A <see cref="TopicOptions.Redis"/> that is missing or not valid
    /// stops the app when it starts, with a message that names it. Redis itself need not be there: publishers get
    /// <see cref="EventLogUnavailableException"/> and streams wait until it is.
    /// </remarks>
    public static IServiceCollection AddRedisEventLog(this IServiceCollection services, Func<ConfigurationOptions, Task>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddSingleton<IValidateOptions<TopicOptions>, Check>();
        return services.AddKeyedSingleton<IEventLog>("redis", (provider, _) => new RedisEventLog(
            provider.GetRequiredService<TopicOptions>(),
            configure,
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<RedisEventLog>>()));
    }

    private sealed class Check : IValidateOptions<TopicOptions>
    {
        public ValidateOptionsResult Validate(string? name, TopicOptions options) => options.Log != "redis" || IsValid(options.Redis)
            ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail(
                // The string has the password in it, so the message has its name alone.
                $"{TopicOptions.Section}:{nameof(TopicOptions.Redis)} is missing or not valid; allowed is a configuration string of StackExchange.Redis, "
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
