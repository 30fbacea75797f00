namespace FuncSse.Tests.Topics;

/// <summary>A Redis for the tests of a class. They are skipped where none is installed.</summary>
public class Redis : RedisServer, IAsyncLifetime
{
    public Redis()
    {
    }

    private protected Redis(params string[] arguments)
        : base(arguments)
    {
    }

    public async ValueTask InitializeAsync()
    {
        if (File.Exists(Program))
        {
            await StartAsync();
        }
    }

    public static void SkipWhereMissing() => Assert.SkipUnless(
        File.Exists(Program), $"There is no {Program}. Type `sudo apt-get install redis-server`, or set REDIS_SERVER to the path of one.");

    /// <summary>Starts one for a single test, which disposes it.</summary>
    public static async Task<RedisServer> StartNewAsync(params string[] arguments)
    {
        SkipWhereMissing();
        var server = new RedisServer(arguments);
        await server.StartAsync();
        return server;
    }
}

/// <summary>A Redis that has each answered write on its disk.</summary>
public sealed class RedisWithAppendOnlyFile() : Redis(WithAppendOnlyFile);
