using System.Globalization;

namespace FuncSse.Benchmarks;

/// <summary>Both sides need one open file a stream; the servers inherit this process's limit.</summary>
internal static class OpenFileLimit
{
    // Assemblies, the runtime's own pipes, the listener.
    private const int Others = 300;

    /// <exception cref="BenchmarkException">The limit is too low for that many streams.</exception>
    public static void Check(int streams)
    {
        const string Limits = "/proc/self/limits";
        string? line = File.Exists(Limits)
            ? File.ReadLines(Limits).FirstOrDefault(text => text.StartsWith("Max open files", StringComparison.Ordinal))
            : null;

        // .NET and Node raise their soft limit to the hard one when they start, so the hard one counts.
        string[] words = line?.Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? [];
        if (words.Length > 4 && long.TryParse(words[4], CultureInfo.InvariantCulture, out long limit) && limit < streams + Others)
        {
            throw new BenchmarkException(
                $"{streams} streams need {streams + Others} open files on each side, and the limit is {limit} (ulimit -n): "
                + "raise it, or ask for fewer streams.");
        }
    }
}
