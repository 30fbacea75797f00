using System.Diagnostics.Metrics;

namespace FuncSse.Client;

/// <summary>The meter that counts what clients read, for an OpenTelemetry exporter or <c>dotnet-counters</c>.</summary>
public sealed class SseClientMeter
{
    /// <summary>The name of the meter. Its instruments follow OpenTelemetry's conventions for names and units.</summary>
    public const string Name = "FuncSse.Client";

    internal SseClientMeter(Meter meter)
    {
        Active = meter.CreateUpDownCounter<long>("funcsse.client.active_streams", "{stream}", "Streams that are being read.");
        Received = meter.CreateCounter<long>("funcsse.client.received_events", "{event}", "Events that were received.");
        Reconnects = meter.CreateCounter<long>("funcsse.client.reconnects", "{attempt}", "Attempts to reconnect, by what they follow.");
    }

    /// <summary>What clients without services share.</summary>
    internal static SseClientMeter Shared { get; } = new(new Meter(Name));

    internal UpDownCounter<long> Active { get; }

    internal Counter<long> Received { get; }

    internal Counter<long> Reconnects { get; }
}
