using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace FuncSse.Topics;

/// <summary>
/// Warns of weak options when the host starts. When the host stops, it waits until the log has the pending events, and ends the subscriptions.
/// </summary>
internal sealed class TopicHostedService(
    EventLogWriter writer, TopicHub hub, TopicOptions options, IHostApplicationLifetime lifetime, ILogger<TopicHostedService> logger) : IHostedService
{
    // 16 random characters cannot be guessed over a network.
    private const int MinKeyLength = 16;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        lifetime.ApplicationStopping.Register(writer.BeginShutdown);
        if (options.PublishKey.Any(key => key.Length < MinKeyLength))
        {
            TopicLogMessages.ShortPublishKey(logger, MinKeyLength);
        }

        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await writer.StopAsync();
        await hub.DisposeAsync();
    }
}
