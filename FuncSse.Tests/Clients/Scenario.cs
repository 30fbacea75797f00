using System.Diagnostics;

namespace FuncSse.Tests.Clients;

/// <summary>What clients go through, all at the same time, each on a way of its own to one self-host.</summary>
internal sealed class Scenario : IAsyncDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    private readonly SelfHost _host;
    private readonly ClientServer _clients;
    private readonly long _start;

    private Scenario(SelfHost host, IReadOnlyList<ClientRun> runs, ClientServer clients, long start)
    {
        _start = start;
        _host = host;
        Runs = runs;
        _clients = clients;
    }

    /// <summary>Decides where the relays cut. <c>FUNCSSE_SEED</c> repeats an earlier run.</summary>
    public static int Seed { get; } = int.TryParse(Environment.GetEnvironmentVariable("FUNCSSE_SEED"), out int seed) ? seed : Random.Shared.Next();

    public IReadOnlyList<ClientRun> Runs { get; }

    public SelfHost Host => _host;

    public TimeSpan Elapsed => Stopwatch.GetElapsedTime(_start);

    /// <summary>Starts a self-host with these settings, and the clients on a path of it.</summary>
    public static async Task<Scenario> StartAsync(
        IEnumerable<Client> clients, Browser? browser, Firefox? firefox, string path, (string, string)[] settings, bool cutsAfterPosition, Func<SelfHost, Task>? prepare)
    {
        ClientServer.SkipUnlessInstalled();
        SelfHost host = await SelfHost.StartAsync(settings);
        await (prepare?.Invoke(host) ?? Task.CompletedTask);
        ClientRun[] runs = [.. clients.Index().Select(one =>
            new ClientRun(one.Item, new Relay(host.Address.Port, Seed + one.Index, one.Item.Spared) { CutsAfterPosition = cutsAfterPosition }, path))];
        long start = Stopwatch.GetTimestamp();
        var scenario = new Scenario(host, runs, await ClientServer.StartAsync(runs, browser, firefox), start);
        await scenario.UntilAsync(run => run.Relay.Requests > 0, TimeSpan.FromMinutes(4)); // Firefox starts slowly.
        return scenario;
    }

    public void Each(Action<ClientRun> action)
    {
        foreach (ClientRun run in Runs)
        {
            action(run);
        }
    }

    /// <summary>Waits until this holds for each client, but not longer than the limit.</summary>
    public async Task UntilAsync(Func<ClientRun, bool> condition, TimeSpan? limit = null)
    {
        long start = Stopwatch.GetTimestamp();
        while (!Runs.All(condition) && Stopwatch.GetElapsedTime(start) < (limit ?? s_limit))
        {
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Publishes the numbers from 1 on to a topic.</summary>
    public async Task PublishAsync(string topic, int count, TimeSpan interval)
    {
        using var client = new HttpClient();
        for (int number = 1; number <= count; number++)
        {
            using var content = new StringContent($"{number}");
            using HttpResponseMessage response = await client.PostAsync(new Uri(_host.Address, topic), content, TestContext.Current.CancellationToken);
            response.EnsureSuccessStatusCode();
            await Task.Delay(interval, TestContext.Current.CancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _clients.DisposeAsync();
        Each(run => run.Relay.Dispose());

        await _host.DisposeAsync();
    }
}
