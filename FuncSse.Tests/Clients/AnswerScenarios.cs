using System.Diagnostics;
using Microsoft.AspNetCore.Builder;

namespace FuncSse.Tests.Clients;

/// <summary>The scenarios for clients that ask once for an answer.</summary>
internal static class AnswerScenarios
{
    /// <summary>Lets each client ask for an answer that ends, or that breaks, and gives what each saw.</summary>
    /// <param name="clients">The clients, with the format that each reads.</param>
    /// <param name="end"><c>done</c> or <c>broken</c>.</param>
    /// <param name="faults">It gets a line for each client that lost something, asked twice, or took the one end for the other.</param>
    /// <param name="browser">Needed if some run in Chromium.</param>
    public static async Task<string[]> RunAsync(IEnumerable<(Client Client, string Format)> clients, string end, List<string> faults, Browser? browser = null)
    {
        ClientServer.SkipUnlessInstalled();
        await using WebApplication app = await Answers.StartAsync();
        int port = new Uri(app.Urls.Single()).Port;
        ClientRun[] runs = [.. clients.Select(one => new ClientRun(one.Client, new Relay(port, Scenario.Seed, one.Client.Spared), $"/{one.Format}/{end}"))];
        await using (await ClientServer.StartAsync(runs, browser))
        {
            long start = Stopwatch.GetTimestamp();
            while (runs.Any(run => run.End is null) && Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(30))
            {
                await Task.Delay(20, TestContext.Current.CancellationToken);
            }
        }

        int events = end == "done" ? 5 : 3;
        return [.. runs.Select(run =>
        {
            run.Relay.Dispose();
            bool isGood = run.Fault is null && run.Count == events && run.Relay.Requests == 1 && run.End is not null && run.End == "ended" == (end == "done");
            if (!isGood)
            {
                faults.Add($"{run.Client.Name}, {end}: {run.Count} of {events} events, {run.Fault}, {run.Relay.Requests} requests, end: {run.End ?? "none"}");
            }

            return run.End is null ? "no end" : run.End == "ended" ? "ends" : $"`{run.End}`";
        })];
    }
}
