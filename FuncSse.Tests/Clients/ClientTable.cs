using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Playwright;

namespace FuncSse.Tests.Clients;

/// <summary>Runs all clients through all scenarios, and writes the tables of docs/clients.md: <c>.ci/clients</c>.</summary>
public sealed class ClientTable(Browser browser, Firefox firefox) : IClassFixture<Browser>, IClassFixture<Firefox>
{
    private static readonly string s_document = Path.Combine(RepositoryRoot.Path, "docs", "clients.md");

    [Fact(Explicit = true)]
    public async Task Is_written()
    {
        Dictionary<Place, string> versions = await VersionsAsync();
        bool Runs(Client client) => client.Node <= int.Parse(versions[Place.Node].Split(' ', '.')[1], CultureInfo.InvariantCulture);
        Client[] clients = [.. Client.Resuming.Where(Runs)];
        var scenarios = new ClientScenarios(clients, browser, firefox);
        (string Title, string[] Cells)[] columns =
        [
            ("renewal", await scenarios.RenewalsAsync(events: 200)),
            ("restart", await scenarios.RestartAsync(TimeSpan.FromSeconds(3))),
            ("cuts", await scenarios.CutsAsync(events: 400)),
            ("503", await scenarios.AnswerAsync("503 Service Unavailable")),
            ("204", await scenarios.AnswerAsync("204 No Content")),
            ("400", await scenarios.RefusalAsync(TimeSpan.FromSeconds(15))),
            ("ticket", await scenarios.TicketAsync(TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(10))),
            ("full", await scenarios.FullAsync(TimeSpan.FromSeconds(20))),
            ("quiet", await scenarios.QuietAsync(TimeSpan.FromSeconds(20))),
        ];
        string caption = $"Seen on {DateTime.UtcNow:yyyy-MM-dd}, {RuntimeInformation.OSDescription.Trim()}, seed {Scenario.Seed}.";
        string table = Table(
            ["client", "version", .. columns.Select(column => column.Title), "what to set"],
            clients.Index().Select(one => (string[])
                [$"{one.Item.Name}{Note(one.Item.Spared)}", one.Item.Version(versions), .. columns.Select(column => column.Cells[one.Index]), one.Item.Settings]));
        var faults = new List<string>(scenarios.Faults);
        string[][] ends = await AnswerScenarios.RunAsync(Client.Asking, faults, browser);
        string answers = Table(
            ["client", "version", "an answer", "an answer that breaks"],
            Client.Asking.Index().Select(one => (string[])[one.Item.Client.Name, one.Item.Client.Version(versions), .. ends[one.Index]]));
        CancellationToken cancellationToken = TestContext.Current.CancellationToken;
        string document = Replace(await File.ReadAllTextAsync(s_document, cancellationToken), "table", $"{table}\n{caption}\n");
        await File.WriteAllTextAsync(s_document, Replace(document, "answers", answers), cancellationToken);
        Assert.True(faults is [], $"With FUNCSSE_SEED={Scenario.Seed}:\n{string.Join('\n', faults)}");
    }

    private static string Note(Spared spared) => spared switch
    {
        Spared.AfterIds => " ¹",
        Spared.WithinEvents => " ²",
        Spared.BeforeBodies => " ³",
        _ => "",
    };

    private async Task<Dictionary<Place, string>> VersionsAsync()
    {
        IPage page = await browser.OpenTabAsync();
        return new()
        {
            [Place.Node] = $"Node {(await OutputAsync(ClientServer.Node, "--version")).TrimStart('v')}",
            [Place.Chromium] = $"Chromium {page.Context.Browser!.Version.Split('.')[0]}",
            [Place.Firefox] = (await OutputAsync(Firefox.Executable!, "--version")).Replace("Mozilla ", "", StringComparison.Ordinal),
            [Place.DotNet] = RuntimeInformation.FrameworkDescription,
        };
    }

    private static async Task<string> OutputAsync(string program, string argument)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, [argument]) { RedirectStandardOutput = true })!;
        return (await process.StandardOutput.ReadToEndAsync()).Trim();
    }

    private static string Table(string[] titles, IEnumerable<string[]> rows)
    {
        var table = new StringBuilder();
        foreach (string[] row in (IEnumerable<string[]>)[titles, [.. titles.Select(_ => "---")], .. rows])
        {
            table.Append(CultureInfo.InvariantCulture, $"| {string.Join(" | ", row)} |\n");
        }

        return table.ToString();
    }

    private static string Replace(string document, string name, string text) =>
        Regex.Replace(document, $"(?<=<!-- {name} -->\n).*?(?=<!-- end of the {name} -->)", text.Replace("$", "$$", StringComparison.Ordinal), RegexOptions.Singleline);
}
