using System.Diagnostics;

namespace FuncSse.Benchmarks;

/// <summary>How late events were against the schedule that each stream set itself.</summary>
/// <remarks>
/// A stream's schedule is the earliest that any of its events implies: event n is due at the least of (arrival of k − k · interval),
/// plus n · interval. So a stream that is steady is on time whatever its connection took and whenever its first event came, and drift
/// and jitter show.
/// </remarks>
internal static class Lateness
{
    private static readonly double Interval = Stopwatch.Frequency;

    /// <returns>Milliseconds, for each event that came from <paramref name="start"/> on (Stopwatch ticks).</returns>
    public static IEnumerable<double> Of(LoadStream stream, long start)
    {
        long[] arrivals = stream.Arrivals.ToArray();
        double schedule = double.MaxValue;
        for (int i = 0; i < arrivals.Length; i++)
        {
            schedule = Math.Min(schedule, arrivals[i] - ((i + 1) * Interval));
        }

        for (int i = 0; i < arrivals.Length; i++)
        {
            if (arrivals[i] >= start)
            {
                yield return (arrivals[i] - schedule - ((i + 1) * Interval)) * 1000 / Stopwatch.Frequency;
            }
        }
    }

    /// <summary>By how much a stream falls behind: the least-squares slope of its events from <paramref name="start"/> on.</summary>
    /// <returns>Milliseconds a minute.</returns>
    public static double Drift(LoadStream stream, long start)
    {
        double[] late = [.. Of(stream, start)];
        double middle = (late.Length - 1) / 2.0;
        double up = 0, down = 0;
        for (int i = 0; i < late.Length; i++)
        {
            up += (i - middle) * late[i];
            down += (i - middle) * (i - middle);
        }

        return up / down * 60;
    }
}
