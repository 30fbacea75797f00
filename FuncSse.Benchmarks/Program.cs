using System.Globalization;
using FuncSse.Benchmarks;

try
{
    if (args is ["serve", string peer])
    {
        return PeerServers.Run(peer);
    }

    if (args is ["serve-topics", string server])
    {
        return server switch
        {
            "floor" => TopicFloor.Run(),
            "signalr" => SignalRServer.Run(),
            _ => HandWrittenTopics.Run(),
        };
    }

    if (args is ["publish", string redis, string seconds])
    {
        return await PublishRate.PublishAsync(redis, TimeSpan.FromSeconds(int.Parse(seconds, CultureInfo.InvariantCulture)));
    }

    if (args is ["serve-others", string package])
    {
        return OthersBenchmark.Serve(package == "with");
    }

    if (args is ["burst", "funcsse" or "typed"])
    {
        return BurstBenchmark.Serve(args[1]);
    }

    if (args is ["micro", .. string[] rest])
    {
        return MicroBenchmarks.Run(rest);
    }

    BenchmarkOptions options = BenchmarkOptions.Parse(args);
    OpenFileLimit.Check(options.Streams.Max());
    return options.Mode switch
    {
        "start" => StartBenchmark.Run(options),
        "others" => OthersBenchmark.Run(options),
        "topics" => TopicsBenchmark.Run(options),
        "burst" => BurstBenchmark.Run(options),
        "alloc" => AllocationBenchmark.Run(options),
        _ => LoadBenchmark.Run(options),
    };
}
catch (BenchmarkException problem)
{
    Console.Error.WriteLine(problem.Message);
    return 1;
}
