using FuncSse.Topics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace FuncSse;

/// <summary>Warns at the start of settings of the topics that suit one machine alone.</summary>
internal sealed class TopicWarnings(TopicOptions options, IServiceProviderIsService services, ILogger<TopicWarnings> logger) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (options.SigningKey.Count == 0 && !services.IsService(typeof(ITopicAuthorization)))
        {
            FunctionLogMessages.TopicsArePublic(logger);
        }

        if (options.Log == "memory")
        {
            FunctionLogMessages.LogIsMemory(logger);
        }

        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
