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
    [InlineData("5", null, null, true)]
    [InlineData("5", "X-Azure-ClientIP", 5, false)]
    [InlineData(null, null, null, false)]
    public async Task Limit_for_each_client_needs_the_header_that_tells_clients_apart(string? limit, string? header, int? holds, bool warns)
    {
        var logs = new FakeLogCollector();
        using IHost host = Build(logs, hasRule: false, ("Sse:MaxStreamsPerClient", limit), ("Sse:ClientHeader", header));
        await host.StartAsync(TestContext.Current.CancellationToken);
        Assert.Equal(holds, host.Services.GetRequiredService<IOptions<SseOptions>>().Value.MaxStreamsPerClient);
        Assert.Equal(warns ? 1 : 0, logs.GetSnapshot().Count(entry => entry.Message.StartsWith("Sse:MaxStreamsPerClient is ignored", StringComparison.Ordinal)));
        await host.StopAsync(TestContext.Current.CancellationToken);
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
