namespace FuncSse.Benchmarks;

/// <summary>The table in Markdown: medians of the rounds with the least and the most, and what they are beside others.</summary>
internal static class LoadTable
{
    public static void Print(int streams, IReadOnlyDictionary<string, LoadResult?[]> results)
    {
        Console.WriteLine();
        Console.Write($"| {streams:N0} streams | CPU µs an event | ÷ floor | ÷ typed | resident KB a stream | ÷ typed ");
        Console.WriteLine("| first byte p50 ms | lateness p99 ms | drift ms/min |");
        Console.WriteLine("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
        foreach ((string server, LoadResult?[] rounds) in results)
        {
            string[] cells =
            [
                ServerCatalog.Title(server),
                Spread(rounds, result => result.Processor),
                Ratio(rounds, results.GetValueOrDefault("floor"), result => result.Processor),
                Ratio(rounds, results.GetValueOrDefault("typed"), result => result.Processor),
                Spread(rounds, result => result.Memory),
                Ratio(rounds, results.GetValueOrDefault("typed"), result => result.Memory),
                Spread(rounds, result => result.FirstByte),
                Spread(rounds, result => result.Late),
                Spread(rounds, result => result.Drift),
            ];
            Console.WriteLine($"| {string.Join(" | ", cells)} |");
        }

        LoadResult?[] all = [.. results.Values.SelectMany(rounds => rounds)];
        Console.WriteLine();
        Console.Write($"The load client took {Spread(all, result => result.ClientProcessor)} µs an event. ");
        Console.WriteLine($"All else on the machine kept {Spread(all, result => result.Others)} cores busy: near 0 on a quiet one.");
    }

    private static string Spread(LoadResult?[] rounds, Func<LoadResult, double> figure) =>
        Figures.Spread([.. rounds.OfType<LoadResult>().Select(figure)]);

    /// <summary>Each round's own, so that what slowed a whole round falls out.</summary>
    private static string Ratio(LoadResult?[] rounds, LoadResult?[]? others, Func<LoadResult, double> figure)
    {
        double[] ratios = others is null
            ? []
            : [.. rounds.Zip(others).Where(pair => pair is ({ }, { })).Select(pair => figure(pair.First!) / figure(pair.Second!))];
        return ratios.Length == 0 ? "" : Figures.Short(Figures.Median(ratios));
    }
}
