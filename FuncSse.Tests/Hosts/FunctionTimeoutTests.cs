using System.Globalization;
using FuncSse.Endpoints;
using FuncSse.Streaming;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace FuncSse.Tests;

/// <summary>The lifetime of streams against the host's limit to a function's run.</summary>
[Trait("Category", "Fast")]
public sealed class FunctionTimeoutTests : IDisposable
{
    private readonly string _hostJson = Path.GetTempFileName();

    public FunctionTimeoutTests() => File.Delete(_hostJson);

    public void Dispose() => File.Delete(_hostJson);

    [Theory]
    [InlineData("""{ "functionTimeout": "00:05:00" }""", "00:05:00")]
    [InlineData("""{ "functionTimeout": "00:05:00" }""", "00:04:59.5")]
    [InlineData("""{ "version": "2.0" }""", "00:30:00")]
    [InlineData("""{ /* as the host, we allow comments */ "functionTimeout": "00:00:10", }""", "00:01:00")]
    [InlineData(null, "23:00:00")]
    public void Lifetime_that_could_reach_the_limit_is_refused(string? hostJson, string maxDuration)
    {
        string message = Failure(hostJson, maxDuration)!;
        Assert.StartsWith("Sse:MaxDuration is '", message, StringComparison.Ordinal);
        Assert.Contains("functionTimeout", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{ "functionTimeout": "00:05:00" }""", "00:04:59")]
    [InlineData("""{ "functionTimeout": "-1" }""", "23:00:00")]
    [InlineData("""{ "version": "2.0" }""", "00:29:59")]
    [InlineData("\ufeff{ \"functionTimeout\": \"00:31:00\" }", "00:30:00")]
    [InlineData("""{ "functionTimeout": null }""", "00:29:59")]
    public void Lifetime_that_cannot_reach_the_limit_is_taken(string hostJson, string maxDuration) => Assert.Null(Failure(hostJson, maxDuration));

    [Theory]
    [InlineData("""{ "functionTimeout": "00:05:00" }""", "00:04:30", true)]
    [InlineData("""{ "functionTimeout": "00:05:00" }""", "00:04:31", false)]
    [InlineData("""{ "functionTimeout": "00:10:00" }""", "00:09:00", true)]
    public void Answer_ends_half_a_minute_before_the_limit(string hostJson, string maxDuration, bool isTaken)
    {
        File.WriteAllText(_hostJson, hostJson);
        var timeout = new FunctionTimeout(new ConfigurationBuilder().Build(), _hostJson);
        var options = new AnswerOptions { MaxDuration = TimeSpan.Parse(maxDuration, CultureInfo.InvariantCulture) };
        Assert.Equal(isTaken, timeout.Validate(null, options).Succeeded);
    }

    [Theory]
    [InlineData("""{ "functionTimeout": "00:30:00" }""", "00:29:00")]
    [InlineData("""{ "functionTimeout": "00:10:00" }""", "00:09:00")]
    [InlineData("""{ "functionTimeout": "00:01:00" }""", "00:00:30")]
    [InlineData("""{ "functionTimeout": "00:00:02" }""", "00:00:01")]
    [InlineData("""{ "functionTimeout": "10:00:00" }""", "00:29:00")]
    [InlineData("""{ "functionTimeout": "-1" }""", "00:29:00")]
    [InlineData("{}", "00:29:00")]
    public void Streams_last_as_long_as_the_limit_lets_them(string hostJson, string expected)
    {
        SseOptions options = Options(hostJson);
        Assert.Equal(TimeSpan.Parse(expected, CultureInfo.InvariantCulture), options.MaxDuration);
        Assert.True(new FunctionTimeout(new ConfigurationBuilder().Build(), _hostJson).Validate(name: null, options).Succeeded);
    }

    [Fact]
    public void Lifetime_that_is_set_goes_before_the_one_that_follows_the_limit() =>
        Assert.Equal(TimeSpan.FromMinutes(2), Options("{}", ("Sse:MaxDuration", "00:02:00")).MaxDuration);

    [Fact]
    public void Lifetime_follows_the_plans_limit() => Assert.Equal(TimeSpan.FromMinutes(4), Options("{}", ("WEBSITE_SKU", "Dynamic")).MaxDuration);

    [Fact]
    public void App_setting_goes_before_host_json()
    {
        const string HostJson = """{ "functionTimeout": "00:10:00" }""";
        Assert.NotNull(Failure(HostJson, "00:05:00", ("AzureFunctionsJobHost:functionTimeout", "00:05:00")));
        Assert.Null(Failure(HostJson, "00:05:00", ("AzureFunctionsJobHost:functionTimeout", "00:05:30")));
    }

    [Fact]
    public void Default_is_the_plans()
    {
        Assert.NotNull(Failure("{}", "00:05:00", ("WEBSITE_SKU", "Dynamic")));
        Assert.Null(Failure("{}", "00:05:00", ("WEBSITE_SKU", "FlexConsumption")));
    }

    [Theory]
    [InlineData("{", "cannot be read")]
    [InlineData("[]", "cannot be read")]
    [InlineData("""{ "functionTimeout": "soon" }""", "functionTimeout is 'soon'")]
    [InlineData("""{ "functionTimeout": "1\n2" }""", "functionTimeout is '1 2'")]
    public void Unreadable_host_json_is_refused_in_one_line(string hostJson, string part)
    {
        string message = Failure(hostJson, "00:05:00")!;
        Assert.Contains(part, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    // As Program.cs registers it.
    private SseOptions Options(string hostJson, params (string Key, string Value)[] settings)
    {
        File.WriteAllText(_hostJson, hostJson);
        IConfigurationRoot configuration = Configuration(settings);
        ServiceCollection services = [];
        services.AddLogging();
        services.AddSingleton<IConfigureOptions<SseOptions>>(new FunctionTimeout(configuration, _hostJson));
        services.AddServerSentEvents(configuration.GetSection(SseOptions.Section));
        using ServiceProvider provider = services.BuildServiceProvider();
        return provider.GetRequiredService<IOptions<SseOptions>>().Value;
    }

    private static IConfigurationRoot Configuration((string Key, string Value)[] settings) => new ConfigurationBuilder()
        .AddInMemoryCollection(settings.Select(setting => KeyValuePair.Create(setting.Key, (string?)setting.Value)))
        .Build();

    private string? Failure(string? hostJson, string maxDuration, params (string Key, string Value)[] settings)
    {
        if (hostJson is not null)
        {
            File.WriteAllText(_hostJson, hostJson);
        }

        var options = new SseOptions { MaxDuration = TimeSpan.Parse(maxDuration, CultureInfo.InvariantCulture) };
        return new FunctionTimeout(Configuration(settings), _hostJson).Validate(name: null, options).FailureMessage;
    }
}
