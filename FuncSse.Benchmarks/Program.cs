using FuncSse.Benchmarks;

try
{
    await (args is [ChildProcesses.Verb, string role] ? ChildProcesses.RunAsync(role) : Modes.RunAsync(args));
}
catch (BenchmarkException problem)
{
    Progress.Fail(problem.Message);
}
