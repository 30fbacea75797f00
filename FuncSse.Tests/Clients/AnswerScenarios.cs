using System.Diagnostics;
using Microsoft.AspNetCore.Builder;

namespace FuncSse.Tests.Clients;

/// <summary>The scenarios for clients that ask once for an answer.</summary>
internal static class AnswerScenarios
{
    private static readonly string[] s_ends = ["done", "broken"];

    /// <summary>Lets each client ask for an answer that ends, and for one that breaks, and gives what each saw at the two ends.</summary>
    /// <param name="clients">The clients, with the format that each reads.</param>
    /// <param name="faults">It gets a line for each client that lost something, asked twice, or took the one end for the other.</param>
    /// <param name="browser">Needed if some run in Chromium.</param>
    public static async Task<string[][]> RunAsync(IEnumerable<(Client Client, string Format)> clients, List<string> faults, Browser? browser = null)
    {
        ClientServer.SkipUnlessInstalled();
        await using WebApplication app = await Answers.StartAsync();
        int port = new Uri(app.Urls.Single()).Port;
        ClientRun[][] runs = [.. clients.Select(one => (ClientRun[])
            [.. s_ends.Select(end => new ClientRun(one.Client, new Relay(port, Scenario.Seed, Spared.Nothing), $"/{one.Format}/{end}"))])];
        await using (await ClientServer.StartAsync([.. runs.SelectMany(both => both)], browser))
        {
            long start = Stopwatch.GetTimestamp();
            while (runs.Any(both => both.Any(run => run.End is null)) && Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(30))
            {
                await Task.Delay(20, TestContext.Current.CancellationToken);
            }
        }

        return [.. runs.Select(both => (string[])[Check(both[0], 5, isDone: true, faults), Check(both[1], 3, isDone: false, faults)])];
    }

    private static string Check(ClientRun run, int events, bool isDone, List<string> faults)
    {
        run.Relay.Dispose();
        bool isGood = run.Fault is null && run.Count == events && run.Relay.Requests == 1 && run.End is not null && run.End == "ended" == isDone;
        if (!isGood)
        {
            faults.Add($"{run.Client.Name}: {run.Count} of {events} events, {run.Fault}, {run.Relay.Requests} requests, end: {run.End ?? "none"}");
        }

        return run.End is null ? "no end" : run.End == "ended" ? "ends" : $"`{run.End}`";
    }
}
