using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using FuncSse.Client;
using FuncSse.Endpoints;
using FuncSse.Streaming;
using FuncSse.Topics;
using Microsoft.Extensions.Configuration;

namespace FuncSse.Tests;

/// <summary>What stands in two places of the repository, and must agree: host.json, the infrastructure, the code, the documents.</summary>
[Trait("Category", "Fast")]
public sealed partial class RepositoryTests
{
    private static readonly string s_root = RepositoryRoot.Path;

    // Of the streams of the function app.
    private static readonly TimeSpan s_lifetime = Lifetime();

    // What an open tab costs follows from how long its streams last: docs/cost.md.
    [Fact]
    public void Open_tab_of_the_function_app_has_three_executions_an_hour_at_most()
    {
        TimeSpan limit = FunctionTimeoutOf("host.json");
        Assert.InRange(s_lifetime, TimeSpan.FromHours(1) / 3 / 0.8, limit - TimeSpan.FromMinutes(1)); // A stream may end after 80 % of it.
        Assert.Equal(limit, FunctionTimeoutOf("templates/app/SseApp/host.json"));
        string minutes = s_lifetime.TotalMinutes.ToString(CultureInfo.InvariantCulture);
        Assert.Contains($"options.MaxDuration = TimeSpan.FromMinutes({minutes})", Read("templates/app/SseApp/Program.cs"), StringComparison.Ordinal);
        Assert.Contains($"{minutes} minutes in the function app", Read("docs/settings.md"), StringComparison.Ordinal);
        Assert.Contains($"**`functionTimeout`, {limit.TotalMinutes} minutes**", Read("docs/operations.md"), StringComparison.Ordinal);
        Assert.Contains("tier: 'FlexConsumption'", Read("infra/app.bicep"), StringComparison.Ordinal); // Consumption allows 10 minutes.
        Assert.DoesNotMatch("name: '.*(functionTimeout|MaxDuration)'", Read("infra/app.bicep"));
    }

    [Fact]
    public void Apps_of_the_template_log_no_query_either() =>
        Assert.Contains("AddFilter(\"Microsoft.AspNetCore\", LogLevel.Warning)", Read("templates/app/SseApp.SelfHost/Program.cs"), StringComparison.Ordinal);

    [Theory]
    [InlineData("infra/app.bicep", "name: 'dotnet-isolated'\n        version: '{0}'")]
    [InlineData("Dockerfile", "dotnet/sdk:{0} ")]
    [InlineData("Dockerfile", "dotnet/aspnet:{0}-")]
    [InlineData(".devcontainer/devcontainer.json", "devcontainers/dotnet:{0}\"")]
    [InlineData("global.json", "\"version\": \"{0}.")]
    [InlineData(".vscode/launch.json", "bin/Debug/net{0}/")]
    [InlineData(".vscode/tasks.json", "bin/Debug/net{0}\"")]
    [InlineData(".github/workflows/build.yml", "bin/Debug/net{0} ")]
    [InlineData(".vscode/settings.json", "bin/Release/net{0}/")]
    [InlineData("docs/deploy.md", "bin/Release/net{0}/")]
    public void Everything_runs_the_version_that_the_projects_target(string file, string mention)
    {
        string version = TargetFramework().Match(Read("Directory.Build.props")).Groups[1].Value;
        Assert.Contains(string.Format(CultureInfo.InvariantCulture, mention, version), Read(file), StringComparison.Ordinal);
    }

    [Fact]
    public void Platform_and_app_hold_the_same_number_of_streams()
    {
        string app = Read("infra/app.bicep");
        Assert.Contains("perInstanceConcurrency: streamsPerInstance", app, StringComparison.Ordinal);
        string setting = $"name: '{SseOptions.Section}__{nameof(SseOptions.MaxStreams)}'\n          value: string(streamsPerInstance)";
        Assert.Contains(setting, app, StringComparison.Ordinal);
    }

    [Fact]
    public void Platform_leaves_cross_origin_requests_to_the_app() =>
        Assert.DoesNotContain("cors:", Read("infra/app.bicep"), StringComparison.OrdinalIgnoreCase);

    [Fact]
    public void Parameters_of_the_deployment_have_the_same_defaults_in_both_files()
    {
        Dictionary<string, string> bicep = BicepDefault().Matches(Read("infra/main.bicep"))
            .ToDictionary(match => match.Groups[1].Value, match => match.Groups[2].Value.Trim('\''));
        using JsonDocument file = JsonDocument.Parse(Read("infra/main.parameters.json"));
        Dictionary<string, string> azd = file.RootElement.GetProperty("parameters").EnumerateObject()
            .Select(parameter => (parameter.Name, Value: AzdDefault().Match(parameter.Value.GetProperty("value").GetString()!)))
            .Where(parameter => parameter.Value.Success)
            .ToDictionary(parameter => parameter.Name, parameter => parameter.Value.Groups[1].Value);
        Assert.NotEmpty(bicep);
        Assert.Equal(bicep.OrderBy(parameter => parameter.Key), azd.OrderBy(parameter => parameter.Key));
    }

    [Fact]
    public void Deploying_by_hand_keeps_every_parameter_of_the_environment()
    {
        string workflow = Read(".github/workflows/azure-dev.yml");
        string[] variables = [.. AzdVariable().Matches(Read("infra/main.parameters.json")).Select(match => match.Groups[1].Value)];
        Assert.NotEmpty(variables);
        Assert.All(variables, name => Assert.Contains($"      {name}: ${{{{ vars.{name} }}}}\n", workflow, StringComparison.Ordinal));
    }

    [Fact]
    public void Cost_is_that_of_the_deployment()
    {
        string bicep = Read("infra/main.bicep");
        int Default(string name) => int.Parse(Regex.Match(bicep, $@"param {name} int = (\d+)").Groups[1].Value, CultureInfo.InvariantCulture);
        string size = string.Create(CultureInfo.InvariantCulture, $"{Default("instanceMemoryMB"):N0} MB");
        string streams = string.Create(CultureInfo.InvariantCulture, $"{Default("streamsPerInstance"):N0} streams an instance");
        string limit = $"{Default("maximumInstanceCount")} instances at most";
        Assert.Contains($"{size}, {streams}, {limit}", Read("docs/cost.md"), StringComparison.Ordinal);
        string lifetimes = $"const lifetime = {s_lifetime.TotalMinutes} * 0.9, packageLifetime = {new SseOptions().MaxDuration.TotalMinutes} * 0.9;";
        Assert.Contains(lifetimes, Read("docs/cost.mjs"), StringComparison.Ordinal);
        Assert.All(
            Price().Matches(Read("README.md")),
            price => Assert.Contains($"| {price.Value} |", Read("docs/cost.md"), StringComparison.Ordinal));
    }

    [Fact]
    public void Settings_and_their_defaults_are_as_the_settings_page_says()
    {
        // The two hosts open their streams to all origins.
        object[] sections = [new CounterOptions(), new SseOptions { AllowedOrigins = ["*"] }];
        Assert.Equal(sections.SelectMany(Defaults), Rows(Setting(), "docs/settings.md"));
        Assert.Equal(Defaults(new TopicOptions()), Rows(TopicSetting(), "docs/settings.md"));
    }

    [Fact]
    public void Options_and_their_defaults_are_as_the_READMEs_of_the_packages_say()
    {
        Assert.Equal(Defaults(new SseOptions()), Rows(Option(), "FuncSse.Streaming/README.md"));
        Assert.Equal(Defaults(new TopicOptions()), Rows(Option(), "FuncSse.Topics/README.md"));
    }

    [Fact]
    public void Operations_names_every_metric_and_every_end()
    {
        string operations = Read("docs/operations.md");
        foreach (string project in (string[])["FuncSse.Streaming", "FuncSse.Topics"])
        {
            IEnumerable<string> metrics = Directory.GetFiles(Path.Combine(s_root, project), "*.cs", SearchOption.AllDirectories)
                .SelectMany(file => Metric().Matches(File.ReadAllText(file))).Select(metric => metric.Groups[1].Value);
            Assert.NotEmpty(metrics);
            Assert.All(metrics, metric => Assert.Contains($"`{metric}`", operations, StringComparison.Ordinal));
        }

        IEnumerable<string> ends = Enum.GetValues<SseStreamEnd>().Where(end => end != SseStreamEnd.None).Select(end => end.ToName());
        Assert.All(ends, end => Assert.Contains($"\n| `{end}` |", operations, StringComparison.Ordinal));
    }

    [Fact]
    public void Documents_of_the_client_name_every_option_and_metric()
    {
        string readme = Read("FuncSse.Client/README.md");
        Assert.All(typeof(SseClientOptions).GetProperties(), option => Assert.Contains($"\n| `{option.Name}` |", readme, StringComparison.Ordinal));
        MatchCollection metrics = Metric().Matches(Read("FuncSse.Client/SseClientMeter.cs"));
        Assert.NotEmpty(metrics);
        Assert.All(metrics, metric => Assert.Contains($"\n| `{metric.Groups[1].Value}` |", Read("docs/client.md"), StringComparison.Ordinal));
    }

    [Fact]
    public void Each_line_of_the_threat_model_names_a_test()
    {
        string[] rows = [.. Read("SECURITY.md").Split('\n').Where(line => line.StartsWith("| ", StringComparison.Ordinal)).Skip(2)];
        Assert.NotEmpty(rows);
        Assert.All(rows, row =>
        {
            string[] tests = [.. TestClass().Matches(row.Split('|')[^2]).Select(match => match.Groups[1].Value)];
            Assert.NotEmpty(tests);
            Assert.All(tests, test => Assert.NotEmpty(Directory.GetFiles(Path.Combine(s_root, "FuncSse.Tests"), $"{test}.cs", SearchOption.AllDirectories)));
        });
    }

    [Fact]
    public void Documents_link_to_what_exists()
    {
        string[] folders =
        [
            s_root, Path.Combine(s_root, "docs"), Path.Combine(s_root, "findings"), Path.Combine(s_root, "samples"),
            .. Directory.GetDirectories(s_root, "FuncSse*"), .. Directory.GetDirectories(Path.Combine(s_root, "samples")),
        ];
        string[] documents = [.. folders.SelectMany(folder => Directory.GetFiles(folder, "*.md"))];
        var broken = new List<string>();
        foreach (string document in documents)
        {
            foreach (Match link in Link().Matches(File.ReadAllText(document)))
            {
                string target = Path.Combine(Path.GetDirectoryName(document)!, link.Groups["file"].Value);
                string file = link.Groups["file"].Length == 0 ? document : target;
                string anchor = link.Groups["anchor"].Value;
                if (!Path.Exists(file) || (anchor.Length > 0 && !Anchors(file).Contains(anchor)))
                {
                    broken.Add($"{Path.GetRelativePath(s_root, document)}: {link.Value}");
                }
            }
        }

        Assert.True(documents.Length > 1);
        Assert.Empty(broken);
    }

    private static TimeSpan Lifetime()
    {
        var options = new SseOptions();
        new FunctionTimeout(new ConfigurationBuilder().Build(), Path.Combine(s_root, "host.json")).Configure(options);
        return options.MaxDuration;
    }

    private static TimeSpan FunctionTimeoutOf(string hostJson)
    {
        using JsonDocument host = JsonDocument.Parse(Read(hostJson));
        return TimeSpan.Parse(host.RootElement.GetProperty("functionTimeout").GetString()!, CultureInfo.InvariantCulture);
    }

    private static IEnumerable<(string Name, string Default)> Defaults(object options) => options.GetType().GetProperties()
        .Select(option => (option.Name, option.GetValue(options) switch
        {
            null => "none",
            IEnumerable<string> list => list.Any() ? string.Join(' ', list) : "none",
            TimeSpan time when time.Ticks % TimeSpan.TicksPerSecond != 0 => time.ToString("c", CultureInfo.InvariantCulture).TrimEnd('0'),
            object value => Convert.ToString(value, CultureInfo.InvariantCulture)!,
        }));

    private static IEnumerable<(string Name, string Default)> Rows(Regex row, string file) =>
        row.Matches(Read(file)).Select(match => (match.Groups[1].Value, match.Groups[2].Value.Trim('`')));

    // As GitHub makes them of headings.
    private static IEnumerable<string> Anchors(string document) =>
        Heading().Matches(File.ReadAllText(document))
            .Select(heading => NotInAnchors().Replace(heading.Groups[1].Value, "").Replace(' ', '-').ToLowerInvariant());

    private static string Read(string file) => File.ReadAllText(Path.Combine(s_root, file)).ReplaceLineEndings("\n");

    [GeneratedRegex("<TargetFramework>net(.*?)</TargetFramework>")]
    private static partial Regex TargetFramework();

    [GeneratedRegex(@"^param (\w+) \w+ = (.*)$", RegexOptions.Multiline)]
    private static partial Regex BicepDefault();

    [GeneratedRegex(@"^\$\{\w+=(.*)\}$")]
    private static partial Regex AzdDefault();

    [GeneratedRegex(@"\$\{(\w+)")]
    private static partial Regex AzdVariable();

    [GeneratedRegex(@"\$\d+\.\d+")]
    private static partial Regex Price();

    [GeneratedRegex(@"^\| `Sse__(\w+)` \| (\S+) \|", RegexOptions.Multiline)]
    private static partial Regex Setting();

    [GeneratedRegex(@"^\| `Topics__(\w+)` \| (\S+) \|", RegexOptions.Multiline)]
    private static partial Regex TopicSetting();

    [GeneratedRegex(@"^\| `(\w+)` \| (\S+) \|", RegexOptions.Multiline)]
    private static partial Regex Option();

    [GeneratedRegex("\"(funcsse\\.[a-z_.]+)\"")]
    private static partial Regex Metric();

    [GeneratedRegex(@"\]\((?!https?:|mailto:)(?<file>[^)#\s]*)(#(?<anchor>[^)\s]+))?\)")]
    private static partial Regex Link();

    [GeneratedRegex("`(\\w+Tests)`")]
    private static partial Regex TestClass();

    [GeneratedRegex("^#+ (.*)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex NotInAnchors();
}
