using System.ClientModel;
using System.ClientModel.Primitives;
using Azure.Identity;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Configuration;
using OpenAI;
using OpenAI.Chat;

namespace TokenStream;

/// <summary>The model that the settings name.</summary>
public static class Models
{
    private const string Scope = "https://cognitiveservices.azure.com/.default";

    /// <summary>
    /// Makes a client of Azure OpenAI, whose version 1 speaks OpenAI's own protocol, or of any other server that does: the settings are
    /// <c>Model__Endpoint</c>, such as <c>https://NAME.openai.azure.com/openai/v1/</c>, <c>Model__Name</c>, and <c>Model__Key</c>, without
    /// which the app signs in with its identity. Without an endpoint the local model answers.
    /// </summary>
    public static IChatClient Create(IConfiguration configuration)
    {
        if (configuration["Model:Endpoint"] is not { Length: > 0 } endpoint)
        {
            return new LocalModel(TimeProvider.System);
        }

        string name = configuration["Model:Name"] ?? throw new InvalidOperationException("Model:Name is not set.");
        var options = new OpenAIClientOptions { Endpoint = new Uri(endpoint) };
        ChatClient client = configuration["Model:Key"] is { Length: > 0 } key
            ? new ChatClient(name, new ApiKeyCredential(key), options)
#pragma warning disable OPENAI001 // The package calls any sign-in without a key experimental.
            : new ChatClient(name, new BearerTokenPolicy(new DefaultAzureCredential(), Scope), options);
#pragma warning restore OPENAI001
        return client.AsIChatClient();
    }
}
