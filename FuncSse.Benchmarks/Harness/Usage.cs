using System.Diagnostics;
using FuncSse.Tests;

namespace FuncSse.Benchmarks;

/// <summary>What was used while something was measured.</summary>
/// <param name="Server">Processor time of the server, or of all its instances.</param>
/// <param name="Redis">Processor time of Redis; zero if there is none.</param>
/// <param name="Client">Processor time of this process.</param>
/// <param name="OtherCores">How many cores all other processes kept busy: near 0 on a quiet machine.</param>
internal sealed record Usage(TimeSpan Server, TimeSpan Redis, TimeSpan Client, double OtherCores)
{
    public static Usage Of(IReadOnlyCollection<ServerProcess> servers, Action action, RedisServer? redis = null)
    {
        TimeSpan[] before = Now();
        long start = Stopwatch.GetTimestamp();
        action();
        TimeSpan[] used = [.. Now().Zip(before, (after, before) => after - before)];
        return new Usage(used[0], used[1], used[2], Math.Max(0, (used[3] - used[0] - used[1] - used[2]) / Stopwatch.GetElapsedTime(start)));

        TimeSpan[] Now() =>
        [
            servers.Aggregate(TimeSpan.Zero, (sum, server) => sum + server.ProcessorTime),
            redis?.ProcessorTime ?? TimeSpan.Zero,
            Environment.CpuUsage.TotalTime,
            Machine.BusyTime,
        ];
    }
}
