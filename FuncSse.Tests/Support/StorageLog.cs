using Azure.Core.Pipeline;
using Azure.Storage.Blobs;
using FuncSse.Topics;
using FuncSse.Topics.AzureStorage;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging.Abstractions;

namespace FuncSse.Tests.Topics;

/// <summary>One container on a storage, and as many instances of the log in it as a test wants.</summary>
internal sealed class StorageLog(string connectionString, TopicOptions? options = null, BlobLogLimits? limits = null)
{
    public StorageLog(Azurite storage, TopicOptions? options = null, BlobLogLimits? limits = null)
        : this(storage.ConnectionString, options, limits)
    {
    }

    public TopicOptions Options { get; } = Named(options ?? new TopicOptions());

    public BlobContainerClient Container => Containers(null).Container;

    /// <summary>Another instance, with a client and a transport of its own.</summary>
    public IEventLog Create(TimeProvider? time = null, HttpPipelineTransport? transport = null, BlobLogLimits? own = null)
    {
        (BlobContainerClient container, BlobContainerClient appendContainer) = Containers(transport);
        return new BlobEventLog(
            container, appendContainer, Options, own ?? limits ?? BlobLogLimits.For(Options), time ?? TimeProvider.System, NullLogger.Instance);
    }

    public TopicNode Node(TimeProvider? time = null, HttpPipelineTransport? transport = null) => new(Create(time, transport), Options, time);

    private (BlobContainerClient Container, BlobContainerClient AppendContainer) Containers(HttpPipelineTransport? transport)
    {
        IConfiguration configuration = new ConfigurationBuilder()
            .AddInMemoryCollection([new(Options.Storage, connectionString)])
            .Build();
        return AzureStorageServiceCollectionExtensions.CreateContainers(configuration, Options, transport);
    }

    private static TopicOptions Named(TopicOptions options)
    {
        options.Name = $"t{Guid.NewGuid():N}";
        return options;
    }
}
