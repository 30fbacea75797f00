using FuncSse.Streaming;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace FuncSse.Tests;

public sealed class SseOptionsTests : IDisposable
{
    private readonly string _hostJson = Path.GetTempFileName();

    public SseOptionsTests() => File.Delete(_hostJson);

    public void Dispose() => File.Delete(_hostJson);

    [Fact]
    public void Defaults_are_those_of_the_documentation()
    {
        SseOptions options = Read();
        Assert.Equal(TimeSpan.FromSeconds(1), options.Interval);
        Assert.Equal(TimeSpan.FromSeconds(1), options.Retry);
        Assert.Equal(TimeSpan.FromSeconds(15), options.KeepAlive);
        Assert.Equal(TimeSpan.FromMinutes(5), options.MaxDuration);
        Assert.Equal(TimeSpan.FromSeconds(10), options.WriteTimeout);
        Assert.Null(options.MaxStreams);
        Assert.Equal(["*"], options.AllowedOrigins);
    }

    [Fact]
    public void Every_setting_is_read()
    {
        SseOptions options = Read(
            ("Sse:Interval", "00:00:00.010"),
            ("Sse:Retry", "00:00:02"),
            ("sse:keepalive", "00:00:30"),
            ("Sse:MaxDuration", "00:01:00"),
            ("Sse:WriteTimeout", "00:00:05"),
            ("Sse:MaxStreams", "100"),
            ("Sse:AllowedOrigins", "https://example.com, http://localhost:3000,http://[::1]:3000"));
        Assert.Equal(TimeSpan.FromMilliseconds(10), options.Interval);
        Assert.Equal(TimeSpan.FromSeconds(2), options.Retry);
        Assert.Equal(TimeSpan.FromSeconds(30), options.KeepAlive);
        Assert.Equal(TimeSpan.FromMinutes(1), options.MaxDuration);
        Assert.Equal(TimeSpan.FromSeconds(5), options.WriteTimeout);
        Assert.Equal(100, options.MaxStreams);
        Assert.Equal(["https://example.com", "http://localhost:3000", "http://[::1]:3000"], options.AllowedOrigins);
    }

    [Fact]
    public void Origins_may_be_an_array()
    {
        SseOptions options = Read(("Sse:AllowedOrigins:0", "https://a.example"), ("Sse:AllowedOrigins:1", "https://b.example"));
        Assert.Equal(["https://a.example", "https://b.example"], options.AllowedOrigins);
    }

    [Theory]
    [InlineData("Interval", "5")]
    [InlineData("Interval", "1")]
    [InlineData("Retry", "1")]
    [InlineData("Interval", "00:00:00")]
    [InlineData("Interval", "-00:00:01")]
    [InlineData("Interval", "soon")]
    [InlineData("Interval", "1\n2")]
    [InlineData("Retry", "2.00:00:00")]
    [InlineData("KeepAlive", "00:03:41")]
    [InlineData("KeepAlive", "00:00:00.001")]
    [InlineData("MaxDuration", "00:00:00.01")]
    [InlineData("WriteTimeout", "00:00:00")]
    [InlineData("MaxStreams", "0")]
    [InlineData("MaxStreams", "-1")]
    [InlineData("MaxStreams", "many")]
    [InlineData("MaxStreams", "99999999999")]
    [InlineData("AllowedOrigins", "*,https://example.com")]
    [InlineData("AllowedOrigins", "https://example.com/")]
    [InlineData("AllowedOrigins", "https://Example.com")]
    [InlineData("AllowedOrigins", "example.com")]
    [InlineData("AllowedOrigins", ",")]
    [InlineData("AllowedOrigins", "")]
    [InlineData("AllowedOrigins", "https://bücher.example")]
    [InlineData("AllowedOrigins", "https://user@example.com")]
    [InlineData("AllowedOrigins", "https://example.com:443")]
    public void Bad_value_is_refused_in_one_line_that_names_the_setting_the_value_and_what_is_allowed(string name, string value)
    {
        string message = Assert.Throws<OptionsValidationException>(() => Read(($"Sse:{name}", value))).Message;
        Assert.StartsWith($"Sse:{name} is '{value.ReplaceLineEndings(" ")}'; allowed is ", message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Theory]
    [InlineData("Sse:MaxStreams:0")]
    [InlineData("Sse:Interval:Seconds")]
    public void Setting_of_another_shape_is_refused(string key)
    {
        string message = Assert.Throws<OptionsValidationException>(() => Read((key, "5"))).Message;
        Assert.StartsWith($"{key} is no setting; ", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Misspelt_setting_is_refused()
    {
        string message = Assert.Throws<OptionsValidationException>(() => Read(("Sse:Intervall", "00:00:01"))).Message;
        Assert.StartsWith("Sse:Intervall is no setting; there are Interval, Retry, ", message, StringComparison.Ordinal);
    }

    [Fact]
    public void All_that_is_wrong_is_said_at_once()
    {
        OptionsValidationException exception = Assert.Throws<OptionsValidationException>(() => Read(("Sse:Interval", "x"), ("Sse:MaxStreams", "y")));
        Assert.Equal(2, exception.Failures.Count());
    }

    [Theory]
    [InlineData("""{ "functionTimeout": "00:05:00" }""", "00:05:00")]
    [InlineData("""{ "functionTimeout": "00:05:00" }""", "00:04:59.5")]
    [InlineData("""{ "version": "2.0" }""", "00:30:00")]
    [InlineData("""{ /* as the host, we allow comments */ "functionTimeout": "00:00:10", }""", "00:01:00")]
    public void Lifetime_that_could_reach_the_function_timeout_is_refused(string hostJson, string maxDuration)
    {
        File.WriteAllText(_hostJson, hostJson);
        string message = Assert.Throws<OptionsValidationException>(() => Read(("Sse:MaxDuration", maxDuration))).Message;
        Assert.StartsWith("Sse:MaxDuration is '", message, StringComparison.Ordinal);
        Assert.Contains("functionTimeout", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{ "functionTimeout": "00:05:00" }""", "00:04:59")]
    [InlineData("""{ "functionTimeout": "-1" }""", "23:00:00")]
    [InlineData("""{ "version": "2.0" }""", "00:29:59")]
    [InlineData("\ufeff{ \"functionTimeout\": \"00:31:00\" }", "00:30:00")]
    [InlineData("""{ "functionTimeout": null }""", "00:29:59")]
    [InlineData(null, "23:00:00")]
    public void Lifetime_that_cannot_reach_the_function_timeout_is_taken(string? hostJson, string maxDuration)
    {
        if (hostJson is not null)
        {
            File.WriteAllText(_hostJson, hostJson);
        }

        Assert.Equal(maxDuration, Read(("Sse:MaxDuration", maxDuration)).MaxDuration.ToString());
    }

    [Fact]
    public void App_setting_for_the_function_timeout_goes_before_host_json()
    {
        File.WriteAllText(_hostJson, """{ "functionTimeout": "00:10:00" }""");
        Assert.Throws<OptionsValidationException>(() => Read(("AzureFunctionsJobHost:functionTimeout", "00:05:00")));
        Read(("AzureFunctionsJobHost:functionTimeout", "00:05:30"));
    }

    [Fact]
    public void Default_function_timeout_is_the_plans()
    {
        File.WriteAllText(_hostJson, "{}");
        Assert.Throws<OptionsValidationException>(() => Read(("WEBSITE_SKU", "Dynamic")));
        Read(("WEBSITE_SKU", "FlexConsumption"));
    }

    [Theory]
    [InlineData("{", "cannot be read")]
    [InlineData("[]", "cannot be read")]
    [InlineData("""{ "functionTimeout": "soon" }""", "functionTimeout is 'soon'")]
    [InlineData("""{ "functionTimeout": "1\n2" }""", "functionTimeout is '1 2'")]
    public void Unreadable_host_json_is_refused_in_one_line(string hostJson, string part)
    {
        File.WriteAllText(_hostJson, hostJson);
        string message = Assert.Throws<OptionsValidationException>(() => Read()).Message;
        Assert.Contains(part, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    private SseOptions Read(params (string Key, string Value)[] settings) =>
        SseOptions.Read(
            new ConfigurationBuilder()
                .AddInMemoryCollection(settings.Select(setting => KeyValuePair.Create(setting.Key, (string?)setting.Value)))
                .Build(),
            _hostJson);
}
