using System.Globalization;
using FuncSse.Streaming;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Options;

namespace FuncSse.Tests;

/// <summary>The options as an app gives them: by nothing, by code, and by a section of its configuration.</summary>
[Trait("Category", "Fast")]
public sealed class SseOptionsTests
{
    [Fact]
    public void Defaults_are_those_of_the_documentation()
    {
        SseOptions options = Options(services => services.AddServerSentEvents());
        Assert.Equal(TimeSpan.FromSeconds(1), options.Retry);
        Assert.Equal(TimeSpan.FromSeconds(15), options.KeepAlive);
        Assert.Equal(TimeSpan.FromMinutes(5), options.MaxDuration);
        Assert.Equal(TimeSpan.FromSeconds(10), options.WriteTimeout);
        Assert.Null(options.MaxStreams);
        Assert.Null(options.MaxStreamsPerClient);
        Assert.Equal(0, options.Proxies);
        Assert.Null(options.ClientHeader);
        Assert.Equal(["none"], options.AllowedOrigins);
    }

    [Fact]
    public void Every_setting_is_read()
    {
        SseOptions options = Read(
            ("Sse:Retry", "00:00:02"),
            ("sse:keepalive", "00:00:30"),
            ("Sse:MaxDuration", "00:01:00"),
            ("Sse:WriteTimeout", "00:00:05"),
            ("Sse:MaxStreams", "100"),
            ("Sse:MaxStreamsPerClient", "6"),
            ("Sse:Proxies", "1"),
            ("Sse:ClientHeader", "X-Azure-ClientIP"),
            ("Sse:AllowedOrigins", "https://example.com http://localhost:3000, http://[::1]:3000"));
        Assert.Equal(TimeSpan.FromSeconds(2), options.Retry);
        Assert.Equal(TimeSpan.FromSeconds(30), options.KeepAlive);
        Assert.Equal(TimeSpan.FromMinutes(1), options.MaxDuration);
        Assert.Equal(TimeSpan.FromSeconds(5), options.WriteTimeout);
        Assert.Equal(100, options.MaxStreams);
        Assert.Equal(6, options.MaxStreamsPerClient);
        Assert.Equal(1, options.Proxies);
        Assert.Equal("X-Azure-ClientIP", options.ClientHeader);
        Assert.Equal(["https://example.com", "http://localhost:3000", "http://[::1]:3000"], options.AllowedOrigins);
    }

    [Fact]
    public void Code_that_comes_later_goes_before_the_section()
    {
        SseOptions options = Options(
            services => services.Configure<SseOptions>(options => options.Retry = TimeSpan.FromSeconds(3)), ("Sse:Retry", "00:00:02"), ("Sse:KeepAlive", "00:00:30"));
        Assert.Equal(TimeSpan.FromSeconds(3), options.Retry);
        Assert.Equal(TimeSpan.FromSeconds(30), options.KeepAlive);
    }

    [Fact]
    public void Origins_may_be_an_array()
    {
        SseOptions options = Read(("Sse:AllowedOrigins:0", "https://a.example"), ("Sse:AllowedOrigins:1", "https://b.example"));
        Assert.Equal(["https://a.example", "https://b.example"], options.AllowedOrigins);
    }

    [Theory]
    [InlineData("KeepAlive", "5")]
    [InlineData("Retry", "1")]
    [InlineData("KeepAlive", "00:00:00")]
    [InlineData("KeepAlive", "-00:00:01")]
    [InlineData("KeepAlive", "soon")]
    [InlineData("KeepAlive", "1\n2")]
    [InlineData("Retry", "2.00:00:00")]
    [InlineData("KeepAlive", "00:03:41")]
    [InlineData("KeepAlive", "00:00:00.001")]
    [InlineData("MaxDuration", "00:00:00.01")]
    [InlineData("WriteTimeout", "00:00:00")]
    [InlineData("MaxStreams", "0")]
    [InlineData("MaxStreams", "-1")]
    [InlineData("MaxStreams", "many")]
    [InlineData("MaxStreams", "99999999999")]
    [InlineData("MaxStreamsPerClient", "0")]
    [InlineData("Proxies", "-1")]
    [InlineData("Proxies", "11")]
    [InlineData("ClientHeader", "X Forwarded For")]
    [InlineData("ClientHeader", "X-Client:")]
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
        Assert.StartsWith($"Sse:{name} is '{value.ReplaceLineEndings(" ")}'; it must be ", message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Theory]
    [InlineData("Sse:MaxStreams:0")]
    [InlineData("Sse:KeepAlive:Seconds")]
    public void Setting_of_another_shape_is_refused(string key)
    {
        string message = Assert.Throws<OptionsValidationException>(() => Read((key, "5"))).Message;
        Assert.StartsWith($"{key} is not a setting; ", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Value_that_code_has_set_is_checked_too()
    {
        OptionsValidationException exception = Assert.Throws<OptionsValidationException>(() => Options(services => services.AddServerSentEvents(options =>
        {
            options.Retry = TimeSpan.Zero;
            options.MaxStreams = 0;
            options.AllowedOrigins = ["example.com"];
        })));
        Assert.Equal(3, exception.Failures.Count());
        Assert.StartsWith("Sse:Retry is '00:00:00'; it must be a time from 0:00:00.001 to 1:0:00:00 ", exception.Failures.First(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("00:00:00.001", "00:00:00.010")]
    [InlineData("1.00:00:00", "00:03:40")]
    public void Least_and_greatest_value_are_allowed_from_the_section_and_from_code(string retry, string keepAlive)
    {
        SseOptions read = Read(("Sse:Retry", retry), ("Sse:KeepAlive", keepAlive));
        SseOptions set = Options(services => services.AddServerSentEvents(options => (options.Retry, options.KeepAlive) = (read.Retry, read.KeepAlive)));
        Assert.Equal((TimeSpan.Parse(retry, CultureInfo.InvariantCulture), TimeSpan.Parse(keepAlive, CultureInfo.InvariantCulture)), (set.Retry, set.KeepAlive));
    }

    [Fact]
    public void All_that_is_wrong_is_said_at_once()
    {
        OptionsValidationException exception = Assert.Throws<OptionsValidationException>(() => Read(("Sse:Retry", "x"), ("Sse:MaxStreams", "y")));
        Assert.Equal(2, exception.Failures.Count());
    }

    [Fact]
    public async Task Invalid_value_stops_the_start_of_any_app()
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(settings: null);
        builder.Services.AddMetrics();
        builder.Services.AddServerSentEvents(options => options.KeepAlive = TimeSpan.Zero);
        using IHost host = builder.Build();
        await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync(TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("KeepAlives", "KeepAlive")]
    [InlineData("maxstream", "MaxStreams")]
    [InlineData("Intervall", "Interval")]
    [InlineData("Origins", "AllowedOrigins")]
    public void Unknown_setting_is_a_warning_that_names_the_nearest_known_one(string name, string nearest)
    {
        using var logs = new FakeLoggerProvider();
        Options(services => services.AddLogging(logging => logging.AddProvider(logs)), ($"Sse:{name}", "1"), ("Sse:Interval", "00:00:01"));
        FakeLogRecord warning = Assert.Single(logs.Collector.GetSnapshot());
        Assert.Equal(LogLevel.Warning, warning.Level);
        Assert.Equal($"Sse:{name} is not a known setting and is ignored; did you mean Sse:{nearest}?", warning.Message);
    }

    [Fact]
    public void Unknown_setting_is_warned_of_once_however_often_the_options_are_made()
    {
        using var logs = new FakeLoggerProvider();
        IConfigurationRoot configuration = new ConfigurationBuilder().AddInMemoryCollection([new("Sse:Retri", "1")]).Build();
        using ServiceProvider provider = new ServiceCollection()
            .AddLogging(logging => logging.AddProvider(logs))
            .AddServerSentEvents(configuration.GetSection("Sse"))
            .BuildServiceProvider();
        _ = provider.GetRequiredService<IOptionsMonitor<SseOptions>>().CurrentValue; // As the check at the start makes them.
        _ = provider.GetRequiredService<IOptions<SseOptions>>().Value;
        Assert.Single(logs.Collector.GetSnapshot());
    }

    [Theory]
    [InlineData("nothing", true)]
    [InlineData("section", false)]
    [InlineData("framework", false)]
    [InlineData("no section", false)]
    public async Task Section_that_nobody_reads_is_a_warning(string read, bool isWarning)
    {
        using var logs = new FakeLoggerProvider();
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(settings: null);
        if (read != "no section")
        {
            builder.Configuration.AddInMemoryCollection([new("Sse:MaxStreams", "5")]);
        }

        builder.Logging.AddProvider(logs);
        builder.Services.AddMetrics();
        builder.Services.AddServerSentEvents();
        if (read == "section")
        {
            builder.Services.AddServerSentEvents(builder.Configuration.GetSection("Sse"));
        }
        else if (read == "framework")
        {
            builder.Services.Configure<SseOptions>(builder.Configuration.GetSection("Sse"));
        }

        using IHost host = builder.Build();
        await host.StartAsync(TestContext.Current.CancellationToken);
        Assert.Equal(
            isWarning ? ["The configuration section Sse is ignored; call AddServerSentEvents(configuration.GetSection(\"Sse\")) to use it."] : [],
            logs.Collector.GetSnapshot().Where(entry => entry.Level == LogLevel.Warning).Select(entry => entry.Message));
        await host.StopAsync(TestContext.Current.CancellationToken);
    }

    private static SseOptions Read(params (string Key, string Value)[] settings) => Options(_ => { }, settings);

    private static SseOptions Options(Action<IServiceCollection> configure, params (string Key, string Value)[] settings)
    {
        IConfigurationRoot configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(settings.Select(setting => KeyValuePair.Create(setting.Key, (string?)setting.Value)))
            .Build();
        var services = new ServiceCollection();
        services.AddLogging();
        if (settings.Length > 0)
        {
            services.AddServerSentEvents(configuration.GetSection("Sse"), "Interval");
        }

        configure(services);
        using ServiceProvider provider = services.BuildServiceProvider();
        return provider.GetRequiredService<IOptions<SseOptions>>().Value;
    }
}
