namespace FuncSse.Benchmarks;

/// <summary>Ends the run with one line for the user and exit code 1.</summary>
internal sealed class BenchmarkException(string message) : Exception(message);
