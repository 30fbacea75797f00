namespace FuncSse.Tests.Topics;

/// <summary>The Azurite that all classes share. Each log has a container of its own.</summary>
public sealed class Azurite(SharedServers servers) : IAsyncLifetime
{
    private AzuriteServer _server = null!;

    public string ConnectionString => _server.ConnectionString;

    public async ValueTask InitializeAsync() => _server = await servers.GetAzuriteAsync();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
