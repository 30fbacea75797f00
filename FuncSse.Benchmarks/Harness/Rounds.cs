using System.Net.Sockets;

namespace FuncSse.Benchmarks;

/// <summary>A column that divides a figure by the same figure of another row.</summary>
/// <param name="Figure">The heading of the figure's column.</param>
/// <param name="Heading">The heading of the column of ratios.</param>
/// <param name="Baseline">The other row, for each row.</param>
/// <param name="Promise">What the median of the first row must not exceed, because README promises it.</param>
internal sealed record Ratio<TRow>(string Figure, string Heading, Func<TRow, TRow> Baseline, double Promise = double.PositiveInfinity);

/// <summary>Measures several rows in turns, and prints their figures as a table in Markdown.</summary>
internal sealed class Rounds<TRow>
    where TRow : notnull
{
    private readonly List<(TRow Row, OrderedDictionary<string, double>?[] Rounds)> _rows;

    /// <param name="rows">What is measured. The text of a row is the first cell of the table.</param>
    /// <param name="count">How many rounds count.</param>
    /// <param name="measure">Measures one row in one round: each figure by its column's heading, NaN where there is none.</param>
    /// <param name="warmUps">Rounds that come first and do not count: they compile the code and fill the file cache.</param>
    public Rounds(IEnumerable<TRow> rows, int count, Func<TRow, OrderedDictionary<string, double>> measure, int warmUps = 0)
    {
        _rows = [.. rows.Select(row => (row, new OrderedDictionary<string, double>?[count]))];
        for (int round = -warmUps; round < count; round++)
        {
            // The order changes, so that a row is neither always the first nor always after the same other.
            for (int i = 0; i < _rows.Count; i++)
            {
                (TRow row, OrderedDictionary<string, double>?[] rounds) = _rows[(i + round + warmUps) % _rows.Count];
                Progress.Show(round < 0 ? $"warm-up: {row}" : $"round {round + 1} of {count}: {row}");
                try
                {
                    OrderedDictionary<string, double> figures = measure(row);
                    if (round >= 0)
                    {
                        rounds[round] = figures;
                    }
                }
                catch (Exception problem) when (problem is BenchmarkException or HttpRequestException or InvalidOperationException or SocketException)
                {
                    Progress.Fail($"{row}: {problem.Message}"); // The figures of the other rows remain valid.
                }
            }
        }
    }

    /// <summary>Prints medians and [range]. A ratio is formed in each round, so that what slowed a whole round down has no influence.</summary>
    public void Print(string title, params Ratio<TRow>[] ratios)
    {
        OrderedDictionary<string, double>[] measured = [.. _rows.SelectMany(row => row.Rounds).OfType<OrderedDictionary<string, double>>()];
        string[] figures = [.. measured.SelectMany(round => round.Keys).Distinct().Where(figure => measured.Any(round => !double.IsNaN(round[figure])))];
        string[] headings = [title, .. figures.SelectMany(figure => Cells(figure, figure, ratio => ratio.Heading))];
        Console.WriteLine($"\n| {string.Join(" | ", headings)} |\n| --- {string.Concat(Enumerable.Repeat("| ---: ", headings.Length - 1))}|");
        foreach ((TRow row, OrderedDictionary<string, double>?[] rounds) in _rows)
        {
            IEnumerable<string> cells = figures.SelectMany(figure => Cells(
                figure, Figures.Spread(rounds.Select(round => round?[figure])), ratio => Divide(rounds, ratio.Baseline(row), figure)));
            Console.WriteLine($"| {row} | {string.Join(" | ", cells)} |");
        }

        (TRow first, OrderedDictionary<string, double>?[] ours) = _rows[0];
        foreach (Ratio<TRow> broken in ratios.Where(ratio => Quotients(ours, ratio.Baseline(first), ratio.Figure) is { Length: > 0 } found && Figures.Percentile(found, 0.5) > ratio.Promise))
        {
            Progress.Fail($"{broken.Figure} {broken.Heading} must be {broken.Promise} at most.");
        }

        // The ratios of a figure follow it.
        IEnumerable<string> Cells(string figure, string first, Func<Ratio<TRow>, string> other) =>
            [first, .. ratios.Where(ratio => ratio.Figure == figure).Select(other)];
    }

    private string Divide(OrderedDictionary<string, double>?[] rounds, TRow baseline, string figure) =>
        Quotients(rounds, baseline, figure) is { } found ? Figures.Spread(found.Cast<double?>()) : "";

    // A round that lacks one of the two has no quotient.
    private double[]? Quotients(OrderedDictionary<string, double>?[] rounds, TRow baseline, string figure)
    {
        OrderedDictionary<string, double>?[]? others = _rows.FirstOrDefault(other => other.Row.Equals(baseline)).Rounds;
        return others is null ? null : [.. rounds.Zip(others, (round, other) => round?[figure] / other?[figure]).OfType<double>()];
    }
}
