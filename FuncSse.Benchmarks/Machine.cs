using System.Globalization;
using System.Runtime.InteropServices;

namespace FuncSse.Benchmarks;

/// <summary>What the figures were measured on.</summary>
internal static class Machine
{
    public static string Describe()
    {
        long memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (1L << 30);
        string system = $"{RuntimeInformation.OSDescription}, {RuntimeInformation.FrameworkDescription}";
        return $"{Environment.ProcessorCount} cores{Model()}, {memory} GiB, {system}";
    }

    /// <summary>
    /// What all processes have had of all cores, the time that a hypervisor took included; zero where the system does not tell.
    /// </summary>
    public static TimeSpan BusyTime
    {
        get
        {
            const string File = "/proc/stat";
            if (!System.IO.File.Exists(File))
            {
                return TimeSpan.Zero;
            }

            // cpu user nice system idle iowait irq softirq steal …, in hundredths of a second (proc(5)).
            long[] times = [.. System.IO.File.ReadLines(File).First()
                .Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..9]
                .Select(text => long.Parse(text, CultureInfo.InvariantCulture))];
            return TimeSpan.FromMilliseconds(10 * (times.Sum() - times[3] - times[4]));
        }
    }

    private static string Model()
    {
        const string File = "/proc/cpuinfo";
        string? line = System.IO.File.Exists(File)
            ? System.IO.File.ReadLines(File).FirstOrDefault(text => text.StartsWith("model name", StringComparison.Ordinal))
            : null;
        return line is null ? "" : $" ({line.Split(':')[1].Trim()})";
    }
}
