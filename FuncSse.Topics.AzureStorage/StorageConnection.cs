using Azure.Core;
using Azure.Identity;
using Azure.Storage.Blobs;
using Microsoft.Extensions.Configuration;

namespace FuncSse.Topics.AzureStorage;

/// <summary>
/// A storage connection as Functions resolves it: a connection string under the name, or a section of the name with
/// <c>blobServiceUri</c> or <c>accountName</c> and an identity (azure-docs, <c>functions-reference.md</c>, "Configure an identity-based
/// connection").
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
                return FromConnectionString(connectionString, candidate, options);
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

    private static BlobServiceClient FromConnectionString(string connectionString, string name, BlobClientOptions options)
    {
        try
        {
            return new BlobServiceClient(connectionString, options);
        }
        catch (FormatException)
        {
            // The string is a secret, so the message has its name alone.
            throw new InvalidOperationException($"The storage connection '{name}' is not a valid connection string.");
        }
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
