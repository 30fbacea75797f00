using System.Globalization;

namespace FuncSse.Benchmarks;

/// <summary>Figures of several rounds, as they are shown.</summary>
internal static class Figures
{
    /// <param name="values">At least one.</param>
    /// <param name="share">0.5 is the median.</param>
    public static double Percentile(IEnumerable<double> values, double share)
    {
        double[] sorted = [.. values.Order()];
        return sorted[(int)Math.Ceiling(share * sorted.Length) is var rank and > 0 ? rank - 1 : 0];
    }

    /// <returns>The median, and the least and the most where there is more than one; nothing for none.</returns>
    public static string Spread(IReadOnlyList<double> values)
    {
        if (values.Count == 0)
        {
            return "";
        }

        string median = Short(Percentile(values, 0.5));
        return values.Count == 1 ? median : $"{median} [{Short(values.Min())}–{Short(values.Max())}]";
    }

    public static string Short(double value) =>
        value.ToString(Math.Abs(value) >= 100 ? "N0" : Math.Abs(value) >= 10 ? "F1" : "F2", CultureInfo.InvariantCulture);
}
