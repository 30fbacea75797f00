using System.Globalization;
using FuncSse.Topics;
using Microsoft.Azure.Functions.Worker;

namespace Dashboard;

/// <summary>Five sensors, each with a topic of its own. The newest temperature is the value of the topic.</summary>
public sealed class SensorFunction(ITopicPublisher topics)
{
    [Function("Sensors")]
    public Task Run([TimerTrigger("*/2 * * * * *")] TimerInfo timer, CancellationToken cancellationToken) =>
        Task.WhenAll(Enumerable.Range(1, 5).Select(sensor => topics.PublishAsync(
            $"sensors/{sensor}", Measure(), retain: true, cancellationToken: cancellationToken)));

    private static string Measure() => (20 + (5 * Random.Shared.NextDouble())).ToString("0.00", CultureInfo.InvariantCulture);
}
