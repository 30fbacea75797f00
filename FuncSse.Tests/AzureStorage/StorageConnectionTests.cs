using Azure.Storage.Blobs;
using FuncSse.Endpoints;
using FuncSse.Topics;
using FuncSse.Topics.AzureStorage;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace FuncSse.Tests.Topics;

/// <summary>Storage connections, as Functions resolves them.</summary>
[Trait("Category", "Fast")]
public sealed class StorageConnectionTests
{
    private const string Key = "DefaultEndpointsProtocol=https;AccountName=one;AccountKey=AAAA;EndpointSuffix=core.windows.net";

    [Theory]
    [InlineData("AzureWebJobsStorage", "AzureWebJobsStorage", Key, "https://one.blob.core.windows.net/")]
    [InlineData("AzureWebJobsStorage", "AzureWebJobsStorage", "UseDevelopmentStorage=true", "http://127.0.0.1:10000/devstoreaccount1")]
    [InlineData("Events", "Events", Key, "https://one.blob.core.windows.net/")]
    [InlineData("Events", "AzureWebJobsEvents", Key, "https://one.blob.core.windows.net/")]
    [InlineData("Events", "ConnectionStrings:Events", Key, "https://one.blob.core.windows.net/")]
    [InlineData("AzureWebJobsStorage", "AzureWebJobsStorage:accountName", "two", "https://two.blob.core.windows.net/")]
    [InlineData("blobs", "ConnectionStrings:blobs", "https://four.blob.core.windows.net/", "https://four.blob.core.windows.net/")]
    [InlineData("blobs", "ConnectionStrings:blobs", "Endpoint=https://four.blob.core.windows.net/;ContainerName=c", "https://four.blob.core.windows.net/")]
    [InlineData("blobs", "ConnectionStrings:blobs", "Endpoint=\"" + Key + "\";ContainerName=c", "https://one.blob.core.windows.net/")]
    [InlineData("Events", "Events:blobServiceUri", "https://three.example/", "https://three.example/")]
    public void Connection_is_found(string name, string setting, string value, string uri) =>
        Assert.Equal(new Uri(uri), Create(name, (setting, value)).Uri);

    [Theory]
    [InlineData("credential", "managedidentity")]
    [InlineData("clientId", "b1e1d1a0-0000-4000-8000-000000000001")]
    [InlineData("tenantId", "b1e1d1a0-0000-4000-8000-000000000002")]
    public void Identity_is_taken(string setting, string value) =>
        Assert.Equal(new Uri("https://two.blob.core.windows.net/"), Create("S", ("S:accountName", "two"), ($"S:{setting}", value)).Uri);

    [Fact]
    public void Connection_that_is_not_set_is_named() =>
        Assert.Contains("'Events'", Assert.Throws<InvalidOperationException>(() => Create("Events")).Message, StringComparison.Ordinal);

    [Fact]
    public void Connection_string_that_is_wrong_is_named_and_not_shown()
    {
        string message = Assert.Throws<InvalidOperationException>(() => Create("Events", ("Events", "secret"))).Message;
        Assert.Contains("'Events'", message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("storage", null, "is not set")]
    [InlineData("storage", "secret", "is not a valid connection string")]
    [InlineData("storage", Key, null)]
    [InlineData("memory", null, null)]
    public async Task Connection_that_is_missing_or_wrong_stops_the_app_with_one_line(string log, string? connection, string? problem)
    {
        IConfigurationRoot configuration = new ConfigurationBuilder()
            .AddInMemoryCollection([new("Topics:Log", log), new("AzureWebJobsStorage", connection)])
            .Build();
        await using ServiceProvider services = new ServiceCollection()
            .AddLogging()
            .AddTopics(configuration.GetSection("Topics"))
            .AddAzureStorageEventLog(configuration)
            .BuildServiceProvider();
        using var error = new StringWriter();
        Assert.Equal(problem is null, services.CheckOptions(error));
        string[] lines = error.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(problem is null ? 0 : 1, lines.Length);
        Assert.All(lines, line => Assert.Contains($"'AzureWebJobsStorage' {problem}", line, StringComparison.Ordinal));
        Assert.DoesNotContain("secret", error.ToString(), StringComparison.Ordinal);
    }

    private static BlobServiceClient Create(string name, params (string Name, string Value)[] settings) => StorageConnection.CreateClient(
        new ConfigurationBuilder()
            .AddInMemoryCollection(settings.Select(setting => new KeyValuePair<string, string?>(setting.Name, setting.Value)))
            .Build(),
        name,
        new BlobClientOptions());
}
