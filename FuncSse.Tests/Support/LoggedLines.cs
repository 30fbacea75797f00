using Microsoft.Extensions.Logging;

namespace FuncSse.Tests;

/// <summary>What tests ask of the log of a stream.</summary>
internal static class LoggedLines
{
    public static int Count(StreamHarness stream, LogLevel level) => stream.Logs.GetSnapshot().Count(entry => entry.Level == level);

    public static void AssertQuiet(StreamHarness stream) =>
        Assert.DoesNotContain(stream.Logs.GetSnapshot(), entry => entry.Level > LogLevel.Information);

    public static void AssertEnd(StreamHarness stream, string reason) =>
        Assert.Contains(stream.Logs.GetSnapshot(), entry => entry.Message.EndsWith($" events: {reason}.", StringComparison.Ordinal));
}
