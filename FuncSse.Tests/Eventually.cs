using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace FuncSse.Tests;

/// <summary>Waits for what another thread or process is about to do, instead of for a fixed time.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    public static Task TrueAsync(Func<bool> condition, [CallerArgumentExpression(nameof(condition))] string what = "") =>
        TrueAsync(() => Task.FromResult(condition()), what);

    public static async Task TrueAsync(Func<Task<bool>> condition, [CallerArgumentExpression(nameof(condition))] string what = "")
    {
        long start = Stopwatch.GetTimestamp();
        while (!await condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < Limit, $"Not within {Limit}: {what}");
            await Task.Delay(1, TestContext.Current.CancellationToken);
        }
    }
}
