using System.Globalization;

namespace FuncSse.Benchmarks;

/// <summary>Several values as one.</summary>
internal static class Figures
{
    /// <param name="values">At least one.</param>
    /// <param name="share">0.99 for the value that 99 % do not exceed, and 0.5 for the median.</param>
    public static double Percentile(IEnumerable<double> values, double share)
    {
        double[] sorted = [.. values.Order()];
        return sorted[Math.Max(0, (int)Math.Ceiling(share * sorted.Length) - 1)];
    }

    /// <returns>The median, and the least and the most if there are several values; empty for none. A null and NaN are no values.</returns>
    public static string Spread(IEnumerable<double?> figures)
    {
        double[] values = [.. figures.OfType<double>().Where(value => !double.IsNaN(value)).Order()];
        return values.Length switch
        {
            0 => "",
            1 => Short(values[0]),
            _ => $"{Short((values[(values.Length - 1) / 2] + values[values.Length / 2]) / 2)} [{Short(values[0])}–{Short(values[^1])}]",
        };
    }

    private static string Short(double value) =>
        value.ToString(Math.Abs(value) >= 100 ? "N0" : Math.Abs(value) >= 10 ? "F1" : "F2", CultureInfo.InvariantCulture);
}
