using FuncSse.Tests;

namespace FuncSse.Benchmarks;

/// <summary>A real Azurite and a real Redis for the logs of the instances.</summary>
internal sealed class SharedLogs : IAsyncDisposable
{
    private readonly AzuriteServer _azurite;
    private int _reads;

    private SharedLogs() => _azurite = new AzuriteServer(line => _reads += line.Contains("\"GET ", StringComparison.Ordinal) ? 1 : 0);

    public RedisServer Redis { get; } = new("--appendonly", "yes", "--appendfsync", "everysec");

    /// <summary>How many requests have read from Azurite.</summary>
    public int AzuriteReads => _reads;

    public static async Task<SharedLogs> StartAsync()
    {
        var logs = new SharedLogs();
        await Task.WhenAll(logs._azurite.StartAsync(), logs.Redis.StartAsync());
        return logs;
    }

    /// <summary>The settings of an instance.</summary>
    /// <param name="log"><c>azurite</c>, <c>redis</c> or <c>memory</c>.</param>
    public (string Name, string Value)[] Settings(string log) => log switch
    {
        "azurite" => [("Topics__Log", "storage"), ("AzureWebJobsStorage", _azurite.ConnectionString)],
        "redis" => [("Topics__Log", "redis"), ("Topics__Redis", Redis.Configuration)],
        _ => [],
    };

    public async ValueTask DisposeAsync()
    {
        await _azurite.DisposeAsync();
        await Redis.DisposeAsync();
    }
}
