using System.Globalization;
using FuncSse.Tests.Topics;

namespace FuncSse.Tests.Clients;

/// <summary>The scenarios for clients that come back. Each gives what was seen of each client, as a cell of the table, and notes faults.</summary>
internal sealed class ClientScenarios(IReadOnlyList<Client> clients, Browser? browser = null, Firefox? firefox = null)
{
    private static readonly (string, string)[] s_counter = [("Sse__Interval", "00:00:00.05"), ("Sse__Retry", "00:00:00.5")];

    /// <summary>What no client may do: lose or repeat an event, ask without a pause, or stop without a word.</summary>
    public List<string> Faults { get; } = [];

    public async Task<string[]> RenewalsAsync(int events)
    {
        const double Lifetime = 2;
        await using Scenario scenario = await StartAsync("/events", [.. s_counter, ("Sse__MaxDuration", $"00:00:0{Lifetime}")]);
        await scenario.UntilAsync(run => run.Count >= events);
        return Cells(scenario, "renewals", run => Resumes(run, events), most: (int)(scenario.Elapsed.TotalSeconds / (0.8 * Lifetime)) + 2);
    }

    /// <summary>The server stops, and starts again on the same port. In between, connections are refused.</summary>
    public async Task<string[]> RestartAsync(TimeSpan pause)
    {
        await using Scenario scenario = await StartAsync("/events", s_counter);
        await scenario.UntilAsync(run => run.Count > 0);
        scenario.Each(run => run.Relay.Refuse());
        await scenario.Host.StopAsync();
        scenario.Each(run => run.Mark());
        await Task.Delay(pause, TestContext.Current.CancellationToken);
        await scenario.Host.StartAgainAsync();
        scenario.Each(run => run.Relay.Listen());
        await scenario.UntilAsync(run => run.CountSinceMark > 10 || (run.Client.EndsWhenRefused && run.End is not null));
        return Cells(
            scenario, "restart", run => run.Client.EndsWhenRefused && run.End is not null ? "ends" : Resumes(run, run.Marked + 10), most: 5);
    }

    /// <summary>Connections are cut where the seed says: the first one after the position frame, while the first event is published.</summary>
    public async Task<string[]> CutsAsync(int events)
    {
        await using Scenario scenario = await StartAsync("/topics/cuts", [("Sse__Retry", "00:00:00.1")], cutsAfterPosition: true);
        await scenario.UntilAsync(run => run.Relay.Cuts > 0);
        scenario.Each(run => run.Relay.IsCutting = true);
        await scenario.PublishAsync("topics/cuts", events, TimeSpan.FromMilliseconds(40));
        scenario.Each(run => run.Relay.IsCutting = false);
        await scenario.UntilAsync(run => run.Count >= events);
        return Cells(scenario, "cuts", run => Resumes(run, events) == "yes" ? $"{run.Relay.Cuts}" : "events are missing", run => run.Relay.Cuts + 3);
    }

    /// <summary>The next request after a reset is answered so, by the relay.</summary>
    public async Task<string[]> AnswerAsync(string status)
    {
        await using Scenario scenario = await StartAsync("/events", s_counter);
        await scenario.UntilAsync(run => run.Count > 0);
        scenario.Each(run => run.Mark());
        scenario.Each(run => run.Relay.AnswerNext(status));
        scenario.Each(run => run.Relay.Reset());
        await scenario.UntilAsync(run => run.End is not null || run.CountSinceMark > 20, TimeSpan.FromSeconds(15));
        return Cells(scenario, status, run =>
            run.End is not null ? "ends"
            : run.Client.ForgetsIds ? "begins anew"
            : Resumes(run, run.Marked + 20) == "yes" ? "comes back" : "stops without a word", most: 10);
    }

    /// <summary>The server refuses with 400, so trying again cannot help.</summary>
    public async Task<string[]> RefusalAsync(TimeSpan time)
    {
        await using Scenario scenario = await StartAsync("/topics/%24reserved", []);
        return await EndsAsync(scenario, "400", time);
    }

    /// <summary>The ticket is over after its lifetime: the stream sends <c>expired</c>, and who comes back gets 401.</summary>
    public async Task<string[]> TicketAsync(TimeSpan lifetime, TimeSpan time)
    {
        long end = DateTimeOffset.UtcNow.Add(lifetime).ToUnixTimeSeconds();
        string ticket = Jwt.Make($$"""{"topics":["orders"],"aud":"funcsse-topics","exp":{{end}}}""");
        await using Scenario scenario = await StartAsync($"/topics/orders?access_token={ticket}", [("Topics__SigningKey", TopicServer.Key)]);
        return await EndsAsync(scenario, "ticket", time);
    }

    /// <summary>The server has as many streams as it may have, and ends each other one after a long <c>retry</c>.</summary>
    public async Task<string[]> FullAsync(TimeSpan time)
    {
        using var client = new HttpClient();
        Stream? stream = null;
        await using Scenario scenario = await StartAsync(
            "/events", [("Sse__MaxStreams", "1")], prepare: async host => stream = await client.GetStreamAsync(host.Events));
        await Task.Delay(time, TestContext.Current.CancellationToken);
        GC.KeepAlive(stream);
        return Cells(scenario, "full", run =>
        {
            Demand(run.End is null && run.Count == 0, run, "full", $"it ended ({run.End}) or had {run.Count} events");
            return PerMinute(run, scenario);
        }, most: (int)(scenario.Elapsed.TotalSeconds / 10) + 1);
    }

    /// <summary>Nothing comes but a keep-alive every 15 s.</summary>
    public async Task<string[]> QuietAsync(TimeSpan time)
    {
        await using Scenario scenario = await StartAsync("/topics/quiet", []);
        await Task.Delay(time, TestContext.Current.CancellationToken);
        return Cells(scenario, "quiet", run => run.Relay.Requests == 1 ? "stays" : PerMinute(run, scenario), most: 1);
    }

    private async Task<string[]> EndsAsync(Scenario scenario, string name, TimeSpan time)
    {
        await scenario.UntilAsync(run => run.End is not null || (name == "400" && run.Client.IgnoresRefusals), TimeSpan.FromSeconds(20));
        await Task.Delay(time, TestContext.Current.CancellationToken); // Nothing more may come.
        return Cells(scenario, name, run =>
        {
            bool mayAsk = name == "400" && run.Client.IgnoresRefusals;
            Demand(run.End is not null || mayAsk, run, name, "it has no end that its user sees");
            return run.End is null ? $"never, {PerMinute(run, scenario)}" : "ends";
        }, most: (int)scenario.Elapsed.TotalSeconds + 2);
    }

    private string Resumes(ClientRun run, int events)
    {
        Demand(run.Fault is null, run, "events", run.Fault);
        Demand(run.Count >= events, run, "events", $"only {run.Count} of {events} came, and its end was {run.End ?? "not told"}");
        return run.Fault is null && run.Count >= events ? "yes" : "no";
    }

    private string[] Cells(Scenario scenario, string name, Func<ClientRun, string> cell, int most) => Cells(scenario, name, cell, _ => most);

    private string[] Cells(Scenario scenario, string name, Func<ClientRun, string> cell, Func<ClientRun, int> most) =>
        [.. scenario.Runs.Select(run =>
        {
            int requests = run.Relay.Requests;
            Demand(requests <= most(run), run, name, $"{requests} requests in {scenario.Elapsed.TotalSeconds:F1} s, {run.Relay.Cuts} cuts");
            return cell(run);
        })];

    private void Demand(bool holds, ClientRun run, string scenario, string? fault)
    {
        if (!holds)
        {
            Faults.Add($"{run.Client.Name}, {scenario}: {fault}");
        }
    }

    private static string PerMinute(ClientRun run, Scenario scenario) =>
        string.Create(CultureInfo.InvariantCulture, $"{run.Relay.Requests / scenario.Elapsed.TotalMinutes:F0} a minute");

    private Task<Scenario> StartAsync(
        string path, (string, string)[] settings, bool cutsAfterPosition = false, Func<SelfHost, Task>? prepare = null) =>
        Scenario.StartAsync(clients, browser, firefox, path, settings, cutsAfterPosition, prepare);
}
