using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Storage.Blobs;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FuncSse.Topics.AzureStorage;

/// <summary>What an app registers to keep the events of its topics in a storage account.</summary>
public static class AzureStorageServiceCollectionExtensions
{
    // This version has everything that the log needs, and older releases of Azurite know it.
    private const BlobClientOptions.ServiceVersion Version = BlobClientOptions.ServiceVersion.V2024_11_04;

    /// <summary>Keeps the events of the topics in append blobs of the container <see cref="TopicOptions.Name"/>.</summary>
    /// <param name="services">The app's services.</param>
    /// <param name="configuration">
    /// The app's configuration: has the connection <see cref="TopicOptions.Storage"/> as a connection string, or as a section with
    /// <c>blobServiceUri</c> or <c>accountName</c> and, where needed, <c>credential</c>, <c>clientId</c> and <c>tenantId</c>.
    /// </param>
    /// <returns><paramref name="services"/>.</returns>
    /// <remarks>
    /// The log is used where <see cref="TopicOptions.Log"/> is <c>storage</c>. A connection that is not set or not valid stops the app when
    /// it starts, with a message that names it.
    /// </remarks>
    public static IServiceCollection AddAzureStorageEventLog(this IServiceCollection services, IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configuration);
        services.AddSingleton<IValidateOptions<TopicOptions>>(new Check(configuration));
        return services.AddKeyedSingleton<EventLogFactory>("storage", (provider, _) => options =>
        {
            (BlobContainerClient container, BlobContainerClient appendContainer) = CreateContainers(configuration, options);
            return new BlobEventLog(
                container,
                appendContainer,
                options,
                BlobLogLimits.For(options),
                provider.GetRequiredService<TimeProvider>(),
                provider.GetRequiredService<ILogger<BlobEventLog>>());
        });
    }

    /// <summary>The container twice: through a client that repeats failed requests, and through one for appends, which does not.</summary>
    internal static (BlobContainerClient Container, BlobContainerClient AppendContainer) CreateContainers(
        IConfiguration configuration, TopicOptions options, HttpPipelineTransport? transport = null)
    {
        BlobContainerClient Create(int maxRetries)
        {
            var client = new BlobClientOptions(Version)
            {
                Retry =
                {
                    MaxRetries = maxRetries,
                    Mode = RetryMode.Exponential,
                    Delay = TimeSpan.FromMilliseconds(100),
                    MaxDelay = TimeSpan.FromSeconds(1),
                    NetworkTimeout = TimeSpan.FromSeconds(5),
                },
            };
            client.Transport = transport ?? client.Transport;
            return StorageConnection.CreateClient(configuration, options.Storage, client).GetBlobContainerClient(options.Name);
        }

        return (Create(2), Create(0));
    }

    private sealed class Check(IConfiguration configuration) : IValidateOptions<TopicOptions>
    {
        public ValidateOptionsResult Validate(string? name, TopicOptions options)
        {
            try
            {
                if (options.Log == "storage")
                {
                    StorageConnection.CreateClient(configuration, options.Storage, new BlobClientOptions());
                }

                return ValidateOptionsResult.Success;
            }
            catch (InvalidOperationException exception)
            {
                return ValidateOptionsResult.Fail(exception.Message);
            }
        }
    }
}
