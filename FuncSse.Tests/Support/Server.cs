namespace FuncSse.Tests;

/// <summary>
/// The server that the end-to-end tests check: the one at <c>FUNCSSE_URL</c> where that is set (<c>func start</c>, a deployed app), else
/// the self-host that all classes share.
/// </summary>
public sealed class Server(SharedServers servers) : IAsyncLifetime
{
    private static readonly string? s_given = Environment.GetEnvironmentVariable("FUNCSSE_URL");

    public Uri Address { get; private set; } = null!;

    public Uri Events => new(Address, "events");

    public bool IsOwn { get; } = string.IsNullOrEmpty(s_given);

    public async ValueTask InitializeAsync() => Address = IsOwn ? (await servers.GetSelfHostAsync()).Address : new Uri(s_given!);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
