using FuncSse.Tests;

[assembly: AssemblyFixture(typeof(Server))]

namespace FuncSse.Tests;

/// <summary>
/// The server that the end-to-end tests judge: the one at <c>FUNCSSE_URL</c> where that is set (<c>func start</c>, a deployed app), else a
/// self-host of their own.
/// </summary>
public sealed class Server : IAsyncLifetime
{
    private static readonly string? Given = Environment.GetEnvironmentVariable("FUNCSSE_URL");

    private SelfHost? _own;

    public Uri Address => _own?.Address ?? new Uri(Given!);

    public Uri Events => new(Address, "events");

    public bool IsOwn => _own is not null;

    public async ValueTask InitializeAsync()
    {
        if (string.IsNullOrEmpty(Given))
        {
            _own = await SelfHost.StartAsync();
        }
    }

    public ValueTask DisposeAsync() => _own?.DisposeAsync() ?? ValueTask.CompletedTask;
}
