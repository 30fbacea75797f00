using System.Diagnostics.Metrics;

namespace FuncSse.Streaming;

/// <summary>The instruments of <see cref="SseMeter"/>. A listener that throws loses a measurement, and does not end a stream.</summary>
internal sealed class StreamMetrics
{
    private readonly Counter<long> _sentEvents;
    private readonly Counter<long> _refusedStreams;
    private readonly Histogram<double> _duration;
    private readonly Histogram<double> _timeToFirstEvent;

    public StreamMetrics(IMeterFactory meters, Func<int> open, Func<int> abandoned)
    {
        Meter meter = meters.Create(SseMeter.Name);
        meter.CreateObservableUpDownCounter("funcsse.active_streams", open, "{stream}", "Streams that are open.");
        meter.CreateObservableUpDownCounter("funcsse.abandoned_feeds", abandoned, "{feed}", "Feeds that still run although their stream has ended.");
        _sentEvents = meter.CreateCounter<long>("funcsse.sent_events", "{event}", "Events that were flushed to clients.");
        _refusedStreams = meter.CreateCounter<long>("funcsse.refused_streams", "{stream}", "Streams refused because too many were open.");
        _duration = meter.CreateHistogram(
            "funcsse.stream.duration",
            "s",
            "How long streams lasted, by the reason they ended.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.1, 1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600] });
        _timeToFirstEvent = meter.CreateHistogram(
            "funcsse.stream.time_to_first_event",
            "s",
            "How long clients waited for the first event of their stream.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60] });
    }

    public void EventsSent(int count) => Safely(static (self, count) => self._sentEvents.Add(count), count);

    public void FirstEvent(TimeSpan wait) => Safely(static (self, wait) => self._timeToFirstEvent.Record(wait.TotalSeconds), wait);

    public void StreamRefused() => Safely(static (self, count) => self._refusedStreams.Add(count), 1);

    public void StreamEnded(TimeSpan duration, SseStreamEnd reason) => Safely(
        static (self, end) => self._duration.Record(
            end.duration.TotalSeconds, new KeyValuePair<string, object?>("funcsse.stream.end_reason", end.reason.ToName())),
        (duration, reason));

    private void Safely<T>(Action<StreamMetrics, T> record, T value)
    {
        try
        {
            record(this, value);
        }
        catch (Exception)
        {
            // The listener's fault is not the stream's.
        }
    }
}
