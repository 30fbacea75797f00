using System.Diagnostics.Metrics;
using FuncSse.Streaming;
using Microsoft.Extensions.Logging;

namespace FuncSse.Topics;

/// <summary>What an operator sees of the topics. The instruments are named and measured after OpenTelemetry's conventions.</summary>
internal sealed class TopicMetrics
{
    // So many skipped records are told apart and logged; beyond that one that is read twice counts twice, and the counter alone tells of it.
    internal const int MaxSkippedKept = 1024;

    // So many resets in so short a time are told as one.
    private const int StormSize = 100;

    private static readonly TimeSpan s_window = TimeSpan.FromSeconds(10);
    private static readonly InstrumentAdvice<double> s_seconds =
        new() { HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] };

    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Counter<long> _published;
    private readonly Counter<long> _appended;
    private readonly Counter<long> _delivered;
    private readonly Counter<long> _resets;
    private readonly Counter<long> _skipped;
    private readonly Histogram<double> _publishDuration;
    private readonly Histogram<double> _delay;
    private readonly HashSet<LogPosition> _skippedKept = [];
    private readonly Outage _reading;
    private readonly Outage _appending;
    private readonly Lock _gate = new();
    private long _windowBegan;
    private int _resetsInWindow;

    public TopicMetrics(IEventLog log, IMeterFactory meters, TimeProvider time, ILogger<TopicMetrics> logger)
    {
        (_time, _logger, _reading, _appending) = (time, logger, new Outage(time), new Outage(time));
        Meter meter = meters.Create(SseMeter.Name);
        _published = meter.CreateCounter<long>("funcsse.topics.published", "{event}", "Events that this process published.");
        _appended = meter.CreateCounter<long>("funcsse.topics.appended", "{append}", "Appends to the log, each of one event or more.");
        _delivered = meter.CreateCounter<long>("funcsse.topics.delivered", "{event}", "Events handed to streams.");
        _resets = meter.CreateCounter<long>("funcsse.topics.resets", "{stream}", "Streams that were told of lost events, by the reason.");
        _skipped = meter.CreateCounter<long>("funcsse.topics.skipped_records", "{record}", "Damaged records, and those of later versions.");
        _publishDuration = meter.CreateHistogram(
            "funcsse.topics.publish.duration", "s", "How long publishing took until the log had the event.", advice: s_seconds);
        _delay = meter.CreateHistogram(
            "funcsse.topics.delay", "s", "From publishing, by the publisher's clock, to the reader of this process.", advice: s_seconds);
        meter.CreateObservableGauge(
            "funcsse.topics.oldest_event.age",
            () => log.OldestAge is { } age ? new Measurement<double>[] { new(age.TotalSeconds) } : [],
            "s",
            "How old the oldest event is that is kept.");
    }

    public void Published(TimeSpan duration)
    {
        _published.Add(1);
        _publishDuration.Record(duration.TotalSeconds);
    }

    public void Appended()
    {
        _appended.Add(1);
        if (_appending.End() is { } duration)
        {
            Log.TakesEvents(_logger, duration);
        }
    }

    public void Delivered() => _delivered.Add(1);

    /// <summary>An event reached the reader. Clocks of two machines differ, so it may seem to come before it was published.</summary>
    public void Read(DateTimeOffset published) => _delay.Record(Math.Max(0, (_time.GetUtcNow() - published).TotalSeconds));

    public void Reset(PositionState reason)
    {
        _resets.Add(1, new KeyValuePair<string, object?>("funcsse.topics.reset_reason", TopicFrame.Name(reason)));
        bool isStorm;
        lock (_gate)
        {
            if (_resetsInWindow == 0 || _time.GetElapsedTime(_windowBegan) > s_window)
            {
                (_resetsInWindow, _windowBegan) = (0, _time.GetTimestamp());
            }

            isStorm = ++_resetsInWindow == StormSize;
        }

        if (isStorm)
        {
            Log.ResetStorm(_logger, StormSize, s_window, TopicFrame.Name(reason));
        }
    }

    /// <summary>A record is of no use. It counts once however often it is read.</summary>
    public void Skipped(LogPosition position, RecordKind kind)
    {
        bool isLogged;
        lock (_gate)
        {
            if (_skippedKept.Contains(position))
            {
                return;
            }

            isLogged = _skippedKept.Count < MaxSkippedKept && _skippedKept.Add(position);
        }

        _skipped.Add(1);
        if (isLogged)
        {
            Log.RecordSkipped(_logger, position, kind);
        }
    }

    /// <summary>The log did not answer a reader: told once, whoever finds out.</summary>
    public void Unreachable(Exception exception)
    {
        if (_reading.Begin())
        {
            Log.Unreachable(_logger, exception);
        }
    }

    /// <summary>The log answered a reader.</summary>
    public void Reachable()
    {
        if (_reading.End() is { } duration)
        {
            Log.Reachable(_logger, duration);
        }
    }

    /// <summary>The log did not take what was published, which tells nothing of reading: its memory is full, or the identity may not write.</summary>
    public void NotAppended(Exception exception)
    {
        if (_appending.Begin())
        {
            Log.TakesNoEvents(_logger, exception);
        }
    }

    public void ReadingFailed(Exception exception) => Log.ReadingFailed(_logger, exception);

    public void AppendFailed(Exception exception) => Log.AppendFailed(_logger, exception);

    /// <summary>Since when something fails, so that it is told once and not with each try.</summary>
    private sealed class Outage(TimeProvider time)
    {
        private readonly Lock _gate = new();
        private long? _since;

        public bool Begin()
        {
            lock (_gate)
            {
                bool begins = _since is null;
                _since ??= time.GetTimestamp();
                return begins;
            }
        }

        public TimeSpan? End()
        {
            lock (_gate)
            {
                TimeSpan? duration = _since is { } since ? time.GetElapsedTime(since) : null;
                _since = null;
                return duration;
            }
        }
    }
}
