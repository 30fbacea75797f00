namespace FuncSse.Benchmarks;

/// <summary>What topics cost and how quick they are, in parts that each print a table.</summary>
internal static class TopicsBenchmark
{
    public static readonly string[] Parts = ["fanout", "latency", "instances", "publish", "many", "storm", "memory", "alloc", "redis", "rate", "return"];

    public static int Run(BenchmarkOptions options)
    {
        LoadClient.UseOneThread();
        Console.WriteLine($"{Machine.Describe()}. {options.Rounds} rounds of {options.Seconds} s.");
        int exitCode = 0;
        foreach (string part in options.Parts)
        {
            try
            {
                Run(part, options);
            }
            catch (BenchmarkException problem)
            {
                // The other parts' figures still stand.
                Progress.Clear();
                Console.Error.WriteLine($"{part}: {problem.Message}");
                exitCode = 1;
            }
        }

        return exitCode;
    }

    private static void Run(string part, BenchmarkOptions options)
    {
        switch (part)
        {
            case "fanout":
                FanOut.Run(options);
                break;
            case "latency":
                FanOut.RunLatency(options);
                break;
            case "instances":
                Instances.Run(options);
                break;
            case "publish":
                Instances.RunPublishing(options);
                break;
            case "many":
                ManyTopics.Run(options);
                break;
            case "storm":
                Storm.Run(options);
                break;
            case "memory":
                TopicMemory.Run(options);
                break;
            case "redis":
                RedisFanOut.Run(options);
                break;
            case "rate":
                PublishRate.Run(options);
                break;
            case "return":
                RedisReturn.Run(options);
                break;
            default:
                TopicMemory.RunAllocation(options);
                break;
        }
    }
}
