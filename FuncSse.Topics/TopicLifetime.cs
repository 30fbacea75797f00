using Microsoft.Extensions.Hosting;

namespace FuncSse.Topics;

/// <summary>Brings what is pending into the log, and ends the subscriptions, when the host stops.</summary>
internal sealed class TopicLifetime(EventLogWriter writer, TopicHub hub) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await writer.StopAsync();
        await hub.DisposeAsync();
    }
}
