using System.Diagnostics.Metrics;

namespace FuncSse.Client;

/// <summary>The instruments of <see cref="SseClientMeter"/>.</summary>
internal sealed class SseClientMetrics(Meter meter)
{
    public static SseClientMetrics Shared { get; } = new(new Meter(SseClientMeter.Name));

    public UpDownCounter<long> Active { get; } = meter.CreateUpDownCounter<long>("funcsse.client.active_streams", "{stream}", "Streams that are being read.");

    public Counter<long> Received { get; } = meter.CreateCounter<long>("funcsse.client.received_events", "{event}", "Events that were received.");

    public Counter<long> Reconnects { get; } = meter.CreateCounter<long>("funcsse.client.reconnects", "{attempt}", "Attempts to reconnect, by what they followed.");
}
