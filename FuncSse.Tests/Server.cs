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

    /// <summary>The self-host, for tests that need more of a server than its address; without one they are skipped.</summary>
    public SelfHost Own
    {
        get
        {
            Assert.SkipUnless(IsOwn, "Only the self-host can be asked for this, and FUNCSSE_URL names another server.");
            return _own!;
        }
    }

    public async ValueTask InitializeAsync()
    {
        if (string.IsNullOrEmpty(Given))
        {
            _own = await SelfHost.StartAsync(("Logging__LogLevel__FuncSse", "Debug"));
        }
    }

    public ValueTask DisposeAsync() => _own?.DisposeAsync() ?? ValueTask.CompletedTask;
}
