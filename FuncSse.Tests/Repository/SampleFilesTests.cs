using System.Globalization;
using System.Text.Json;

namespace FuncSse.Tests.Samples;

/// <summary>What each sample has, and what the documents show of them.</summary>
[Trait("Category", "Fast")]
public sealed class SampleFilesTests
{
    private static readonly string s_root = RepositoryRoot.Path;

    public static TheoryData<string> Names => ["TokenStream", "Agent", "QueueToPage", "Dashboard", "JobProgress", "ChangesFeed", "Negotiate"];

    [Fact]
    public void Samples_are_these()
    {
        IEnumerable<string?> folders = Directory.GetDirectories(Path.Combine(s_root, "samples")).Select(Path.GetFileName);
        Assert.Equal(Names.Select(row => row.Data).Order(), folders.Order());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Sample_is_built_and_can_be_tried(string name)
    {
        Assert.Contains($"\"samples\\{name}\\{name}.csproj\"", Read("FuncSse.sln"), StringComparison.Ordinal);
        Assert.Contains($"(samples/{name}/README.md)", Read("README.md"), StringComparison.Ordinal);
        Assert.Contains($"| [{name}]({name}/README.md) |", Read("samples/README.md"), StringComparison.Ordinal);
        string[] readme = Read($"samples/{name}/README.md").Split('\n');
        Assert.StartsWith("    ", readme[2], StringComparison.Ordinal); // What one types comes first.
        Assert.InRange(readme.Length, 10, 25);
        Assert.StartsWith("@url = http://localhost:7071\n", Read($"samples/{name}/{name}.http"), StringComparison.Ordinal);
        using JsonDocument settings = JsonDocument.Parse(Read($"samples/{name}/local.settings.sample.json"));
        Assert.Equal("dotnet-isolated", settings.RootElement.GetProperty("Values").GetProperty("FUNCTIONS_WORKER_RUNTIME").GetString());
        using JsonDocument host = JsonDocument.Parse(Read($"samples/{name}/host.json"));
        string limit = host.RootElement.GetProperty("functionTimeout").GetString()!;
        double lifetime = TimeSpan.Parse(limit, CultureInfo.InvariantCulture).TotalMinutes - 1;
        Assert.Contains($"options.MaxDuration = TimeSpan.FromMinutes({lifetime})", Read($"samples/{name}/Program.cs"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("docs/access.md", "Negotiate/NegotiateFunction.cs")]
    [InlineData("docs/access.md", "Negotiate/Users.cs")]
    [InlineData("docs/access.md", "Negotiate/Rules/AppServiceTopics.cs")]
    [InlineData("docs/access.md", "Negotiate/Rules/EntraTopics.cs")]
    [InlineData("docs/access.md", "Negotiate/Rules/CookieTopics.cs")]
    [InlineData("docs/access.md", "Negotiate/Rules/RuleServiceCollectionExtensions.cs")]
    public void Document_shows_the_source_of_a_sample(string document, string source) =>
        Assert.Contains($"```csharp\n{Read($"samples/{source}")}```\n", Read(document), StringComparison.Ordinal);

    // The document has other namespaces, since its reader has an app already.
    [Theory]
    [InlineData("docs/feeds.md", "ChangesFeed/OrdersFeed.cs")]
    [InlineData("docs/feeds.md", "ChangesFeed/OrderStore.cs")]
    [InlineData("docs/feeds.md", "ChangesFeed/OrdersFunction.cs")]
    public void Document_shows_the_class_of_a_sample(string document, string source)
    {
        string type = Read($"samples/{source}").Split("namespace ChangesFeed;\n")[1];
        Assert.Contains($"{type}```\n", Read(document), StringComparison.Ordinal);
    }

    private static string Read(string file) => File.ReadAllText(Path.Combine(s_root, file)).ReplaceLineEndings("\n");
}
