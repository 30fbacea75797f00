using System.Data.Common;
using Azure.Core;
using Azure.Identity;
using Azure.Storage.Blobs;
using Microsoft.Extensions.Configuration;

namespace FuncSse.Topics.AzureStorage;

/// <summary>
/// A storage connection as Functions resolves it: a connection string under the name, or a section of the name with
/// <c>blobServiceUri</c> or <c>accountName</c> and an identity (azure-docs, <c>functions-reference.md</c>, "Configure an identity-based
/// connection"). A connection string may also be what Aspire makes of a storage resource: the address of the blob service alone, or
/// <c>Endpoint=…;ContainerName=…</c> with an address or a connection string as the endpoint. The container is that of the topics all the same.
/// </summary>
internal static class StorageConnection
{
    // Functions looks for a name with its prefix first.
    private const string Prefix = "AzureWebJobs";

    public static BlobServiceClient CreateClient(IConfiguration configuration, string name, BlobClientOptions options)
    {
        foreach (string candidate in name.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase) ? [name] : (string[])[Prefix + name, name])
        {
            string? connectionString = configuration.GetConnectionString(candidate) ?? configuration[candidate];
            if (!string.IsNullOrWhiteSpace(connectionString))
            {
                return FromConnectionString(connectionString, candidate, configuration.GetSection(candidate), options);
            }

            IConfigurationSection section = configuration.GetSection(candidate);
            if (FindServiceUri(section) is { } uri)
            {
                return new BlobServiceClient(uri, CreateCredential(section), options);
            }
        }

        throw new InvalidOperationException(
            $"The storage connection '{name}' is not set: a connection string, or '{name}__blobServiceUri' or '{name}__accountName' is needed.");
    }

    private static BlobServiceClient FromConnectionString(string connectionString, string name, IConfigurationSection section, BlobClientOptions options)
    {
        try
        {
            string endpoint = FindEndpoint(connectionString) ?? connectionString;
            return Uri.TryCreate(endpoint, UriKind.Absolute, out Uri? uri) && uri.Scheme is "http" or "https"
                ? new BlobServiceClient(uri, CreateCredential(section), options)
                : new BlobServiceClient(endpoint, options);
        }
        catch (Exception exception) when (exception is FormatException or ArgumentException)
        {
            // The string is a secret, so the message contains only its name.
            throw new InvalidOperationException($"The storage connection '{name}' is not a valid connection string.");
        }
    }

    private static string? FindEndpoint(string connectionString)
    {
        var parts = new DbConnectionStringBuilder();
        try
        {
            parts.ConnectionString = connectionString;
        }
        catch (ArgumentException)
        {
            return null; // An address.
        }

        return parts.TryGetValue("Endpoint", out object? endpoint) ? endpoint.ToString() : null;
    }

    private static Uri? FindServiceUri(IConfigurationSection section)
    {
        if (section["blobServiceUri"] is { Length: > 0 } uri)
        {
            return Uri.TryCreate(uri, UriKind.Absolute, out Uri? found)
                ? found
                : throw new InvalidOperationException($"'{section.Path}:blobServiceUri' is not a URI.");
        }

        return section["accountName"] is { Length: > 0 } account ? new Uri($"https://{account}.blob.core.windows.net") : null;
    }

    private static TokenCredential CreateCredential(IConfigurationSection section)
    {
        string? clientId = section["clientId"];
        string? tenantId = section["tenantId"];
        if (string.Equals(section["credential"], "managedidentity", StringComparison.OrdinalIgnoreCase))
        {
            return new ManagedIdentityCredential(string.IsNullOrEmpty(clientId)
                ? ManagedIdentityId.SystemAssigned
                : ManagedIdentityId.FromUserAssignedClientId(clientId));
        }

        if (!string.IsNullOrEmpty(clientId) && !string.IsNullOrEmpty(tenantId) && section["clientSecret"] is { Length: > 0 } secret)
        {
            return new ClientSecretCredential(tenantId, clientId, secret);
        }

        var options = new DefaultAzureCredentialOptions();
        if (!string.IsNullOrEmpty(tenantId))
        {
            options.TenantId = tenantId;
        }

        if (!string.IsNullOrEmpty(clientId))
        {
            options.ManagedIdentityClientId = clientId;
        }

        return new DefaultAzureCredential(options);
    }
}
