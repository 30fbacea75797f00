using System.Diagnostics.Metrics;

namespace FuncSse.Streaming;

/// <summary>The meter that counts streams, for an OpenTelemetry exporter or <c>dotnet-counters</c>.</summary>
public static class SseMeter
{
    /// <summary>The name of the meter. Its instruments follow OpenTelemetry's conventions for names and units.</summary>
    public const string Name = "FuncSse";
}

/// <summary>The instruments of <see cref="SseMeter"/>.</summary>
internal sealed class SseMetrics
{
    private readonly Counter<long> _sentEvents;
    private readonly Counter<long> _refusedStreams;
    private readonly Histogram<double> _duration;

    public SseMetrics(IMeterFactory meters, Func<int> open)
    {
        Meter meter = meters.Create(SseMeter.Name);
        meter.CreateObservableUpDownCounter("funcsse.active_streams", open, "{stream}", "Streams that are open.");
        _sentEvents = meter.CreateCounter<long>("funcsse.sent_events", "{event}", "Events written to streams.");
        _refusedStreams = meter.CreateCounter<long>("funcsse.refused_streams", "{stream}", "Streams refused because too many were open.");
        _duration = meter.CreateHistogram(
            "funcsse.stream.duration",
            "s",
            "How long streams lasted, by the reason they ended.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.1, 1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600] });
    }

    public void EventSent() => _sentEvents.Add(1);

    public void StreamRefused() => _refusedStreams.Add(1);

    public void StreamEnded(TimeSpan duration, SseStreamEnd reason) =>
        _duration.Record(duration.TotalSeconds, new KeyValuePair<string, object?>("funcsse.stream.end_reason", reason.Name()));
}
