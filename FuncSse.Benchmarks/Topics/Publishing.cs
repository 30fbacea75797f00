namespace FuncSse.Benchmarks;

/// <summary>Publishing over HTTP, by one publisher and by many at once.</summary>
internal static class Publishing
{
    private const string Rate = "events a second";
    private const string Cost = "CPU µs an event";

    public static async Task RunAsync(Options options)
    {
        // The hand-written server without subscribers is a minimal API that reads the body and answers.
        var posts = new Rounds<string>(options.Servers, options.Rounds, name => MeasurePosts(name, options));
        posts.Print("64 publishers, log in memory", [.. options.Servers.Skip(1).Select(server => new Ratio<string>(Cost, $"÷ {server}", _ => server))]);

        // Those who publish at the same time share an append.
        await using SharedLogs logs = await SharedLogs.StartAsync();
        using ServerProcess server = Servers.Start(options.Servers[0], logs.Settings("azurite"));
        using var publisher = new Publisher(server.Address);
        var appends = new Rounds<int>(
            [1, 64], options.Rounds, count => new() { [Rate] = publisher.PublishAtOnce(count, options.Window) / options.Window.TotalSeconds }, warmUps: 1);
        appends.Print("publishers, log in Azurite", new Ratio<int>(Rate, "÷ one", _ => 1));
    }

    private static OrderedDictionary<string, double> MeasurePosts(string name, Options options)
    {
        using var probe = new AllocationProbe();
        using ServerProcess server = Servers.Start(name, probe: probe);
        using var publisher = new Publisher(server.Address);
        publisher.PublishAtOnce(64, options.Window / 2); // It compiles the code.
        int published = 0;
        long bytes = probe.Bytes;
        Usage usage = Usage.Of([server], () => published = publisher.PublishAtOnce(64, options.Window));
        return new()
        {
            [Rate] = published / options.Window.TotalSeconds,
            [Cost] = usage.Server.TotalMicroseconds / published,
            ["managed bytes an event"] = (probe.Bytes - bytes) / (double)published,
            ["other busy cores"] = usage.OtherCores,
        };
    }
}
