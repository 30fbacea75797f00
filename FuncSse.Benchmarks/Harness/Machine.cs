using System.Globalization;
using System.Runtime.InteropServices;

namespace FuncSse.Benchmarks;

/// <summary>The machine that the figures are measured on.</summary>
internal static class Machine
{
    /// <summary>The processor time of all processes on all cores, with the time that a hypervisor took; zero where the system does not tell.</summary>
    public static TimeSpan BusyTime
    {
        get
        {
            // cpu user nice system idle iowait irq softirq steal …, in hundredths of a second (proc(5)).
            long[] times = [.. FindWords("/proc/stat", "cpu ").Skip(1).Take(8).Select(text => long.Parse(text, CultureInfo.InvariantCulture))];
            return times.Length == 0 ? TimeSpan.Zero : TimeSpan.FromMilliseconds(10 * (times.Sum() - times[3] - times[4]));
        }
    }

    public static string Describe()
    {
        string model = string.Join(' ', FindWords("/proc/cpuinfo", "model name").Skip(3));
        long memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (1L << 30);
        return $"{Environment.ProcessorCount} cores ({model}), {memory} GiB, {RuntimeInformation.OSDescription}, {RuntimeInformation.FrameworkDescription}";
    }

    private static string[] FindWords(string file, string start) => File.Exists(file)
        ? File.ReadLines(file).FirstOrDefault(line => line.StartsWith(start, StringComparison.Ordinal))?.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries) ?? []
        : [];
}
