namespace FuncSse.Tests;

/// <summary>What clients can make the process hold. Each runs alone: memory is the whole process's.</summary>
[Collection(nameof(MemoryTests))]
[CollectionDefinition(nameof(MemoryTests), DisableParallelization = true)]
public sealed class MemoryTests
{
    [Fact]
    public async Task Client_that_never_reads_is_dropped_holds_little_and_disturbs_nobody()
    {
        string large = new('x', 1024 * 1024);
        await using AppServer server = await AppServer.StartAsync(
            [("Sse:Interval", "00:00:00.02"), ("Sse:WriteTimeout", "00:00:02")], ("/flood", (_, _) => AppServer.Flood(large)));
        using RawClient reader = await RawClient.GetAsync(server.Address);
        await reader.ReadUntilAsync("data: 1\n");
        long before = GC.GetTotalMemory(forceFullCollection: true);
        RawClient[] clients = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => RawClient.GetAsync(server.Address, "/flood")));
        await Eventually.TrueAsync(() => server.Streams.Open == 51);

        // Five times a million bytes each would be 250 MB; what the pipe and one piece of an event may hold is under 5 MB.
        await reader.ReadUntilAsync("data: 25\n");
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 20 * 1024 * 1024);
        await Eventually.TrueAsync(() => server.Streams.Open == 1);
        Array.ForEach(clients, client => client.Dispose());
        Assert.Equal(50, server.Logs.GetSnapshot().Count(entry => entry.Message.EndsWith("client_stalled.", StringComparison.Ordinal)));
        await reader.ReadUntilAsync("data: 100\n");
        server.AssertQuiet();
    }

    [Fact]
    public async Task Storm_of_reconnects_leaves_no_stream_and_no_memory_behind()
    {
        await using AppServer server = await AppServer.StartAsync([("Sse:MaxStreams", "40")]);
        await StormAsync();
        server.Logs.Clear(); // It keeps a record of each stream.
        long before = GC.GetTotalMemory(forceFullCollection: true);
        for (int i = 0; i < 3; i++)
        {
            await StormAsync();
        }

        server.AssertQuiet();
        server.Logs.Clear();
        await Eventually.TrueAsync(() => GC.GetTotalMemory(forceFullCollection: true) - before < 2 * 1024 * 1024);

        async Task StormAsync()
        {
            await Parallel.ForEachAsync(Enumerable.Range(0, 2_000), new ParallelOptions { MaxDegreeOfParallelism = 64 }, async (i, _) =>
            {
                using RawClient client = await RawClient.GetAsync(server.Address, $"/events?lastEventId={i}");
                string head = await client.ReadUntilAsync("\n\n");
                Assert.StartsWith("HTTP/1.1 200 OK", head, StringComparison.Ordinal);
                Assert.InRange(server.Streams.Open, 0, 40);
            });
            await Eventually.TrueAsync(() => server.Streams.Open == 0);
        }
    }
}
