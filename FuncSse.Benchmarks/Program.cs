using FuncSse.Benchmarks;

try
{
    await (args is [ChildProcesses.Verb, string role, .. string[] rest] ? ChildProcesses.RunAsync(role, rest) : Modes.RunAsync(args));
}
catch (BenchmarkException problem)
{
    Progress.Fail(problem.Message);
}
