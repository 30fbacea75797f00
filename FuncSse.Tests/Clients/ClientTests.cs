namespace FuncSse.Tests.Clients;

/// <summary>
/// Clients that others made, in Node and in .NET. <c>.ci/clients</c> runs all of them, those in browsers too, through more and for longer.
/// </summary>
public sealed class ClientTests
{
    private static readonly Client[] s_clients = [.. Client.Resuming.Where(client => client.Place is Place.DotNet or Place.Node && client.Node == 0)];

    [Fact]
    public async Task Cut_connections_lose_and_repeat_nothing()
    {
        var scenarios = new ClientScenarios(s_clients);
        await scenarios.CutsAsync(events: 40);
        Assert.True(scenarios.Faults is [], $"With seed {Scenario.Seed}: {string.Join("; ", scenarios.Faults)}");
    }

    [Fact]
    public async Task A_ticket_that_is_over_ends_them()
    {
        var scenarios = new ClientScenarios(s_clients);
        await scenarios.TicketAsync(TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(1));
        Assert.Empty(scenarios.Faults);
    }

    [Fact]
    public async Task An_answer_comes_whole_or_breaks_visibly()
    {
        var faults = new List<string>();
        await AnswerScenarios.RunAsync(Client.Asking.Where(one => one.Client.Place == Place.Node), faults);
        Assert.Empty(faults);
    }
}
