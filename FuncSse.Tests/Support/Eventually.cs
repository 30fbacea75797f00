using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace FuncSse.Tests;

/// <summary>Waits for what another thread or process is about to do, instead of for a fixed time.</summary>
internal static class Eventually
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    public static Task TrueAsync(Func<bool> condition, [CallerArgumentExpression(nameof(condition))] string what = "") =>
        TrueAsync(() => Task.FromResult(condition()), what);

    public static async Task TrueAsync(Func<Task<bool>> condition, [CallerArgumentExpression(nameof(condition))] string what = "")
    {
        long start = Stopwatch.GetTimestamp();
        while (!await condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < s_limit, $"Not within {s_limit}: {what}");
            await Task.Delay(1, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>
    /// Asks that one of three attempts takes at most a second. What waits for a time-out is slow each time; a machine that is busy with other
    /// tests is not.
    /// </summary>
    /// <param name="attempt">Checks all but the time, and returns the time.</param>
    public static async Task WithinASecondAsync(Func<Task<TimeSpan>> attempt)
    {
        TimeSpan time = TimeSpan.MaxValue;
        for (int tries = 0; tries < 3 && time > TimeSpan.FromSeconds(1); tries++)
        {
            time = await attempt();
        }

        Assert.InRange(time, TimeSpan.Zero, TimeSpan.FromSeconds(1));
    }
}
