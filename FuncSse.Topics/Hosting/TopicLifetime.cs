using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace FuncSse.Topics;

/// <summary>
/// Says at the start what is weak in the options. Brings what is pending into the log, and ends the subscriptions, when the host stops.
/// </summary>
internal sealed class TopicLifetime(
    EventLogWriter writer, TopicHub hub, TopicOptions options, IHostApplicationLifetime lifetime, ILogger<TopicLifetime> logger) : IHostedService
{
    // 16 characters at random are beyond guessing over a network.
    private const int MinKey = 16;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        lifetime.ApplicationStopping.Register(writer.BeginShutdown);
        if (options.PublishKey.Any(key => key.Length < MinKey))
        {
            Log.ShortPublishKey(logger, MinKey);
        }

        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await writer.StopAsync();
        await hub.DisposeAsync();
    }
}
