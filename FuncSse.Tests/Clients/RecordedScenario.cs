using System.Diagnostics;
using System.Net.ServerSentEvents;

namespace FuncSse.Tests.Clients;

/// <summary>A client that reads recorded answers: how it follows one, and how it starts one if it can. Otherwise the test starts it.</summary>
/// <param name="Follow">It follows.</param>
/// <param name="Path">Where, with the answer's name as <c>{0}</c>.</param>
/// <param name="Start">It starts.</param>
/// <param name="StartPath">Where it starts.</param>
internal sealed record RecordedClient(Client Follow, string Path = "/answers/{0}", Client? Start = null, string? StartPath = null);

/// <summary>What clients of recorded answers go through, all at the same time, on two instances that share their log.</summary>
internal sealed class RecordedScenario(Uri one, Uri two, IReadOnlyList<RecordedClient> clients, Browser? browser = null)
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(40);

    private readonly string[] _names = [.. clients.Select(_ => $"{Guid.NewGuid():N}")];

    /// <summary>
    /// The first client of each answer leaves in its middle, as a page that is reloaded. Then one follows on either instance, over a connection that is
    /// cut. All must have the whole.
    /// </summary>
    public async Task ReloadAsync()
    {
        ClientRun[] first = await StartAsync();
        await using (await ClientServer.StartAsync(first, browser))
        {
            await UntilAsync(first, run => run.Count >= 3);
        }

        ClientRun[] later = Follow();
        Array.ForEach(later, run => run.Relay.IsCutting = true);
        await using (await ClientServer.StartAsync(later, browser))
        {
            await UntilAsync(later, run =>
            {
                run.Relay.IsCutting &= run.Relay.Cuts == 0;
                return run.End is not null;
            });
        }

        Close([.. first, .. later]);
        for (int number = 0; number < clients.Count; number++)
        {
            string whole = await ReadAsync(_names[number]);
            Assert.EndsWith("from any tab. ", whole, StringComparison.Ordinal);
            Assert.StartsWith(first[number].Text, whole, StringComparison.Ordinal);
            Assert.True(first[number].Text.Length < whole.Length, $"{clients[number].Follow.Name}: it was not reloaded in the middle.");
            Assert.All(
                later.Skip(2 * number).Take(2),
                run => Assert.Equal(
                    ($"{run.Client.Name}, seed {Scenario.Seed}", true, whole, true),
                    ($"{run.Client.Name}, seed {Scenario.Seed}", run.End is "ended" or "204", run.Text, run.Relay.Cuts > 0)));
        }
    }

    /// <summary>Someone stops each answer on the instance that does not make it.</summary>
    /// <param name="end">What each client that follows there must say of it.</param>
    public Task StopAsync(string end) => EndAsync(end, async () =>
    {
        using var http = new HttpClient();
        foreach (string name in _names)
        {
            using HttpResponseMessage response = await http.DeleteAsync(new Uri(two, $"/answers/{name}"), TestContext.Current.CancellationToken);
            response.EnsureSuccessStatusCode();
        }
    });

    /// <summary>Each answer ends in its middle, by what happens meanwhile.</summary>
    /// <param name="end">What each client that follows on the second instance must say of it.</param>
    /// <param name="happen">It happens.</param>
    public async Task<TimeSpan> EndAsync(string end, Func<Task> happen)
    {
        ClientRun[] first = await StartAsync();
        await using ClientServer starters = await ClientServer.StartAsync(first, browser);
        await UntilAsync(first, run => run.Count > 0);
        ClientRun[] later = [.. clients.Index().Select(each => Run(two, each.Item.Follow, each.Item.Path, each.Index))];
        await using ClientServer followers = await ClientServer.StartAsync(later, browser);
        await UntilAsync(later, run => run.Count >= 3);
        long start = Stopwatch.GetTimestamp();
        await happen();
        await UntilAsync(later, run => run.End is not null);
        TimeSpan time = Stopwatch.GetElapsedTime(start);
        Close([.. first, .. later]);
        Assert.All(later, run => Assert.Matches($"^{run.Client.Name}: ({end})$", $"{run.Client.Name}: {run.End}"));
        return time;
    }

    private async Task<ClientRun[]> StartAsync()
    {
        using var http = new HttpClient();
        foreach ((int number, RecordedClient client) in clients.Index())
        {
            if (client.Start is null)
            {
                using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(one, $"/answers/{_names[number]}")) { Content = new StringContent("Why?") };
                using HttpResponseMessage response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
                response.EnsureSuccessStatusCode();
            }
        }

        return [.. clients.Index().Select(each => Run(one, each.Item.Start ?? each.Item.Follow, each.Item.StartPath ?? each.Item.Path, each.Index))];
    }

    private ClientRun[] Follow() => [.. clients.Index().SelectMany(each => (ClientRun[])
        [.. new[] { one, two }.Select(server => Run(server, each.Item.Follow, each.Item.Path, each.Index))])];

    private ClientRun Run(Uri server, Client client, string path, int number) => new(
        client,
        new Relay(server.Port, Scenario.Seed + (2 * number) + (server == one ? 0 : 1), client.Spared),
        path.Replace("{0}", _names[number], StringComparison.Ordinal));

    private async Task<string> ReadAsync(string name)
    {
        using var http = new HttpClient();
        using Stream body = await http.GetStreamAsync(new Uri(two, $"/answers/{name}"), TestContext.Current.CancellationToken);
        var words = new List<string>();
        await foreach (SseItem<string> word in SseParser.Create(body).EnumerateAsync(TestContext.Current.CancellationToken))
        {
            if (word.EventType == "message")
            {
                words.Add(word.Data);
            }
        }

        return string.Concat(words);
    }

    private static async Task UntilAsync(ClientRun[] runs, Func<ClientRun, bool> condition)
    {
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            bool[] all = [.. runs.Select(condition)];
            if (Array.TrueForAll(all, holds => holds))
            {
                return;
            }

            Assert.True(
                Stopwatch.GetElapsedTime(start) < s_limit,
                string.Join('\n', runs.Select(run => $"{run.Client.Name}: {run.Count} events, end {run.End}, {run.Relay.Cuts} cuts, {run.Relay.Requests} requests, {run.Text}")));
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }

    private static void Close(ClientRun[] runs) => Array.ForEach(runs, run => run.Relay.Dispose());
}
