using FuncSse.Tests;
using Microsoft.Playwright;

[assembly: AssemblyFixture(typeof(SharedServers))]

namespace FuncSse.Tests;

/// <summary>
/// The processes that the tests of all classes share. Each starts when the first class asks for it, so a run of a few tests starts only what
/// it needs. Tests that stop a process or change its settings start one of their own.
/// </summary>
public sealed class SharedServers : IAsyncDisposable
{
    private readonly Lazy<Task<AzuriteServer>> _azurite = new(async () =>
    {
        var server = new AzuriteServer();
        await server.StartAsync();
        return server;
    });

    private readonly Lazy<Task<SelfHost>> _selfHost = new(() => SelfHost.StartAsync());
    private readonly Lazy<Task<SelfHost>> _fastSelfHost = new(() => SelfHost.StartAsync(SelfHost.Fast));
    private readonly Lazy<Task<IBrowser>> _chromium = new(Browser.LaunchAsync);

    internal Task<AzuriteServer> GetAzuriteAsync() => _azurite.Value;

    /// <summary>A self-host with no settings but the defaults.</summary>
    internal Task<SelfHost> GetSelfHostAsync() => _selfHost.Value;

    /// <summary>A self-host that counts ten times a second.</summary>
    internal Task<SelfHost> GetFastSelfHostAsync() => _fastSelfHost.Value;

    internal Task<IBrowser> GetChromiumAsync() => _chromium.Value;

    public async ValueTask DisposeAsync()
    {
        await DisposeAsync(_chromium);
        await DisposeAsync(_selfHost);
        await DisposeAsync(_fastSelfHost);
        await DisposeAsync(_azurite);
    }

    private static async Task DisposeAsync<T>(Lazy<Task<T>> server)
        where T : IAsyncDisposable
    {
        if (server is { IsValueCreated: true, Value.IsCompletedSuccessfully: true })
        {
            await (await server.Value).DisposeAsync();
        }
    }
}
