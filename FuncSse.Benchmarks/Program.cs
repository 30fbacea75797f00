using FuncSse.Benchmarks;

try
{
    if (args is ["serve", string peer])
    {
        return PeerServers.Run(peer);
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
