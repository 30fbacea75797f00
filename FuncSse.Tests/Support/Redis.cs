namespace FuncSse.Tests.Topics;

/// <summary>A Redis for the tests of a class. They are skipped where none is installed.</summary>
public class Redis : IAsyncLifetime
{
    private protected Redis(params string[] arguments) => Server = new RedisServer(arguments);

    public Redis()
        : this([])
    {
    }

    internal RedisServer Server { get; }

    public async ValueTask InitializeAsync()
    {
        if (File.Exists(RedisServer.Program))
        {
            await Server.StartAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    public static void SkipWhereMissing() => Assert.SkipUnless(
        File.Exists(RedisServer.Program),
        $"There is no {RedisServer.Program}. Type `sudo apt-get install redis-server`, or set REDIS_SERVER to the path of one.");

    /// <summary>Starts one for a single test, which disposes it.</summary>
    internal static async Task<RedisServer> StartAsync(params string[] arguments)
    {
        SkipWhereMissing();
        var server = new RedisServer(arguments);
        await server.StartAsync();
        return server;
    }
}

/// <summary>A Redis that has each answered write on its disk.</summary>
public sealed class RedisWithAppendOnlyFile() : Redis(RedisServer.WithAppendOnlyFile);
