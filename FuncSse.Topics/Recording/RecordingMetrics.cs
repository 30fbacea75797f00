using System.Diagnostics.Metrics;
using FuncSse.Streaming;
using Microsoft.Extensions.Logging;

namespace FuncSse.Topics;

/// <summary>The metrics and log messages of the recorded streams. No method throws what a listener or a logger of the app throws.</summary>
internal sealed class RecordingMetrics
{
    private readonly SafeLogger _logger;
    private readonly Outage _recording;
    private readonly Meter _meter;
    private readonly Counter<long> _ended;
    private readonly Counter<long> _unrecorded;
    private readonly Histogram<double> _firstEvent;

    public RecordingMetrics(IMeterFactory meters, TimeProvider time, ILogger<RecordingMetrics> logger)
    {
        (_logger, _recording) = (new SafeLogger(logger), new Outage(time));
        _meter = meters.Create(SseMeter.Name);
        _ended = _meter.CreateCounter<long>("funcsse.recordings.ended", "{stream}", "Recorded streams whose feed ran in this process, by how they ended.");
        _unrecorded = _meter.CreateCounter<long>("funcsse.recordings.unrecorded", "{append}", "Appends of recorded streams that the log did not take, and that were tried again.");
        _firstEvent = _meter.CreateHistogram<double>("funcsse.recordings.first_event.delay", "s", "The time from the start of a feed to its first event.");
    }

    public void Observe(Func<int> running) => _meter.CreateObservableUpDownCounter(
        "funcsse.recordings.running", running, "{stream}", "Recorded streams whose feed runs in this process.");

    public void FirstEvent(TimeSpan delay) => Safely(() => _firstEvent.Record(delay.TotalSeconds));

    public void Ended(string name, RecordedStreamEnd end, int events)
    {
        Safely(() => _ended.Add(1, new KeyValuePair<string, object?>("funcsse.recordings.end", NameOf(end))));
        if (end == RecordedStreamEnd.Completed)
        {
            RecordingLogMessages.Completed(_logger, name, events);
        }
        else
        {
            RecordingLogMessages.Ended(_logger, name, events, NameOf(end));
        }
    }

    public void FeedFailed(string name, Exception exception) => RecordingLogMessages.FeedFailed(_logger, exception, name);

    public void Recorded()
    {
        if (_recording.End() is { } duration)
        {
            RecordingLogMessages.Recorded(_logger, duration);
        }
    }

    public void NotRecorded(string name, Exception exception)
    {
        Safely(() => _unrecorded.Add(1));
        if (_recording.Begin())
        {
            RecordingLogMessages.NotRecorded(_logger, exception, name);
        }
    }

    private static string NameOf(RecordedStreamEnd end) => end switch
    {
        RecordedStreamEnd.Completed => "completed",
        RecordedStreamEnd.Failed => "failed",
        RecordedStreamEnd.Stopped => "stopped",
        RecordedStreamEnd.TimedOut => "timed_out",
        RecordedStreamEnd.HostStopped => "host_stopped",
        _ => "died",
    };

    private static void Safely(Action record)
    {
        try
        {
            record();
        }
        catch (Exception)
        {
            // A listener of the app failed.
        }
    }
}
