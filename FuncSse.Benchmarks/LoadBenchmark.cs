namespace FuncSse.Benchmarks;

/// <summary>Every server under the same streams, one after another, in several rounds.</summary>
internal static class LoadBenchmark
{
    public static int Run(BenchmarkOptions options)
    {
        LoadClient.UseOneThread();
        List<string> servers = [.. options.Servers];
        if (servers.Contains("express") && NodePackages.Install() is { } reason)
        {
            servers.Remove("express");
            Console.Error.WriteLine($"Express is left out: {reason}.");
        }

        Console.WriteLine($"{Machine.Describe()}. One event a second on each stream; {options.Rounds} rounds of {options.Seconds} s.");
        int exitCode = 0;
        foreach (int streams in options.Streams)
        {
            var results = servers.ToDictionary(server => server, _ => new LoadResult?[options.Rounds]);
            for (int round = 0; round < options.Rounds; round++)
            {
                // A server is not always the one after the same other, nor always the first.
                for (int i = 0; i < servers.Count; i++)
                {
                    string server = servers[(i + round) % servers.Count];
                    string step = $"{streams:N0} streams, round {round + 1} of {options.Rounds}, {server}:";
                    try
                    {
                        results[server][round] = LoadRun.Measure(server, streams, options, step);
                    }
                    catch (BenchmarkException problem)
                    {
                        // The others' figures still stand.
                        Progress.Clear();
                        Console.Error.WriteLine(problem.Message);
                        exitCode = 1;
                    }
                }
            }

            Progress.Clear();
            LoadTable.Print(streams, results);
        }

        return exitCode;
    }
}
