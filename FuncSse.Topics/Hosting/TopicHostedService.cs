using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace FuncSse.Topics;

/// <summary>
/// Warns of weak options when the host starts. Ends the writer and the hub when everything else has stopped: functions and background services
/// may publish until their own end.
/// </summary>
internal sealed class TopicHostedService(
    EventLogWriter writer, TopicHub hub, RecordedStreams recordings, TopicOptions options, IHostApplicationLifetime lifetime, ILogger<TopicHostedService> logger)
    : IHostedLifecycleService
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

    public async Task StoppedAsync(CancellationToken cancellationToken)
    {
        await recordings.StopAsync();
        await writer.StopAsync();
        await hub.DisposeAsync();
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
