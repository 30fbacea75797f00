namespace FuncSse.Benchmarks;

/// <summary>Ends a measurement with a message for the user.</summary>
internal sealed class BenchmarkException(string message) : Exception(message);

/// <summary>Messages for the user, apart from the tables.</summary>
internal static class Progress
{
    public static void Show(string step) => Console.Error.WriteLine($"{DateTime.Now:HH:mm:ss} {step}");

    /// <summary>Reports a failure, and makes the exit code 1.</summary>
    public static void Fail(string message)
    {
        Console.Error.WriteLine(message);
        Environment.ExitCode = 1;
    }
}
