using System.Globalization;

namespace FuncSse.Benchmarks;

/// <summary>Figures of several rounds, as they are shown.</summary>
internal static class Figures
{
    /// <param name="values">At least one.</param>
    /// <param name="share">0.99 for the value that 99 % do not exceed.</param>
    public static double Percentile(IEnumerable<double> values, double share)
    {
        double[] sorted = [.. values.Order()];
        return sorted[Math.Max(0, (int)Math.Ceiling(share * sorted.Length) - 1)];
    }

    /// <param name="values">At least one.</param>
    /// <returns>The middle one, or the mean of the middle two.</returns>
    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    /// <returns>The median, and the least and the most where there is more than one; nothing for none.</returns>
    public static string Spread(IReadOnlyList<double> values)
    {
        if (values.Count == 0)
        {
            return "";
        }

        string median = Short(Median(values));
        return values.Count == 1 ? median : $"{median} [{Short(values.Min())}–{Short(values.Max())}]";
    }

    public static string Short(double value) =>
        value.ToString(Math.Abs(value) >= 100 ? "N0" : Math.Abs(value) >= 10 ? "F1" : "F2", CultureInfo.InvariantCulture);
}
