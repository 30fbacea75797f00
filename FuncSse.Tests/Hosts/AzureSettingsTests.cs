using FuncSse.Endpoints;
using FuncSse.Streaming;
using FuncSse.Topics;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Options;

namespace FuncSse.Tests;

/// <summary>What the function app does on Azure alone.</summary>
[Trait("Category", "Fast")]
public sealed class AzureSettingsTests
{
    private const string Instance = "WEBSITE_INSTANCE_ID";

    [Theory]
    [InlineData(true, false, false, true, true)]
    [InlineData(true, true, false, false, true)]
    [InlineData(true, false, true, false, true)]
    [InlineData(false, false, false, false, false)]
    public async Task Public_topics_and_a_log_in_memory_are_warned_of(bool isAzure, bool hasKey, bool hasRule, bool warnsOfTopics, bool warnsOfLog)
    {
        var logs = new FakeLogCollector();
        using IHost host = Build(logs, hasRule, (Instance, isAzure ? "0123" : ""), ("Topics:SigningKey:0", hasKey ? new string('x', 32) : null));
        await host.StartAsync(TestContext.Current.CancellationToken);
        string[] warnings = [.. logs.GetSnapshot().Where(entry => entry.Level == LogLevel.Warning).Select(entry => entry.Message)];
        Assert.Equal(warnsOfTopics, warnings.Any(line => line.StartsWith("Anyone may subscribe", StringComparison.Ordinal)));
        Assert.Equal(warnsOfLog, warnings.Any(line => line.StartsWith("Topics:Log is memory", StringComparison.Ordinal)));
        await host.StopAsync(TestContext.Current.CancellationToken);
    }

    [Theory]
    [InlineData("0123", null, 1)]
    [InlineData("0123", "2", 2)]
    [InlineData("0123", "0", 0)]
    [InlineData("", null, 0)]
    public void Front_end_of_the_platform_says_the_address_of_the_client(string instance, string? setting, int proxies)
    {
        using IHost host = Build(new FakeLogCollector(), hasRule: false, (Instance, instance), ("Sse:Proxies", setting));
        Assert.Equal(proxies, host.Services.GetRequiredService<IOptions<SseOptions>>().Value.Proxies);
    }

    private static IHost Build(FakeLogCollector logs, bool hasRule, params (string Name, string? Value)[] settings)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Configuration.AddInMemoryCollection(settings.Where(setting => setting.Value is not null).Select(setting => KeyValuePair.Create(setting.Name, setting.Value)));
        builder.Logging.AddProvider(new FakeLoggerProvider(logs));
        builder.Services.AddMetrics();
        builder.Services.AddAzureSettings(builder.Configuration);
        builder.Services.AddEndpoints(builder.Configuration);
        if (hasRule)
        {
            builder.Services.AddScoped<ITopicAuthorization, Nobody>();
        }

        return builder.Build();
    }

    private sealed class Nobody : ITopicAuthorization
    {
        public ValueTask<TopicAuthorizationResult> AuthorizeAsync(HttpContext http, TopicSet topics) =>
            ValueTask.FromResult(TopicAuthorizationResult.Deny);
    }
}
