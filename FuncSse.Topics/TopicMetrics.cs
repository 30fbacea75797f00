using System.Diagnostics.Metrics;
using FuncSse.Streaming;
using Microsoft.Extensions.Logging;

namespace FuncSse.Topics;

/// <summary>
/// The metrics and log messages of the topics. Instruments follow OpenTelemetry's conventions for names and units. No method throws what a
/// listener or a logger of the app throws: delivery goes on without them.
/// </summary>
internal sealed class TopicMetrics
{
    // Positions of skipped records that are remembered, so that a record is counted and logged once. Beyond this number, records are not
    // logged, and one that is read twice is counted twice.
    internal const int MaxSkippedKept = 1024;

    // This number of resets within the window is logged, as one message.
    private const int StormSize = 100;

    private static readonly TimeSpan s_stormWindow = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_failureWindow = TimeSpan.FromMinutes(1);
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
    private readonly HashSet<LogPosition> _skippedPositions = [];
    private readonly Outage _reading;
    private readonly Outage _appending;
    private readonly Lock _gate = new();
    private long _stormWindowStart;
    private int _resetsInWindow;
    private long? _failureWindowStart;

    public TopicMetrics(IEventLog log, IMeterFactory meters, TimeProvider time, ILogger<TopicMetrics> logger, string meterName = SseMeter.Name)
    {
        (_time, _logger, _reading, _appending) = (time, new SafeLogger(logger), new Outage(time), new Outage(time));
        Meter meter = meters.Create(meterName);
        _published = meter.CreateCounter<long>("funcsse.topics.published", "{event}", "Events that this process published.");
        _appended = meter.CreateCounter<long>("funcsse.topics.appended", "{append}", "Appends to the log, each of one event or more.");
        _delivered = meter.CreateCounter<long>("funcsse.topics.delivered", "{event}", "Events handed to streams.");
        _resets = meter.CreateCounter<long>("funcsse.topics.resets", "{stream}", "Streams that were told of lost events, by reason.");
        _skipped = meter.CreateCounter<long>("funcsse.topics.skipped_records", "{record}", "Damaged records, and records of later versions.");
        _publishDuration = meter.CreateHistogram(
            "funcsse.topics.publish.duration", "s", "The time from publishing until the log has the event.", advice: s_seconds);
        _delay = meter.CreateHistogram(
            "funcsse.topics.delay",
            "s",
            "The time from publishing, by the publisher's clock, until this process has read an event that it has subscribers for.",
            advice: s_seconds);
        meter.CreateObservableGauge(
            "funcsse.topics.oldest_event.age",
            () => log.OldestAge is { } age ? new Measurement<double>[] { new(age.TotalSeconds) } : [],
            "s",
            "The age of the oldest event that is kept.");
    }

    public void Published(TimeSpan duration)
    {
        Add(_published);
        Record(_publishDuration, duration);
    }

    public void Appended()
    {
        Add(_appended);
        if (_appending.End() is { } duration)
        {
            TopicLogMessages.TakesEvents(_logger, duration);
        }
    }

    public void Delivered() => Add(_delivered);

    /// <summary>The hub has read an event. A negative time counts as zero, since the clocks of two machines differ.</summary>
    public void Read(DateTimeOffset published)
    {
        TimeSpan delay = _time.GetUtcNow() - published;
        Record(_delay, delay > TimeSpan.Zero ? delay : TimeSpan.Zero);
    }

    public void Reset(string reason)
    {
        Add(_resets, new KeyValuePair<string, object?>("funcsse.topics.reset_reason", reason));
        bool isStorm;
        lock (_gate)
        {
            if (_resetsInWindow == 0 || _time.GetElapsedTime(_stormWindowStart) > s_stormWindow)
            {
                (_resetsInWindow, _stormWindowStart) = (0, _time.GetTimestamp());
            }

            isStorm = ++_resetsInWindow == StormSize;
        }

        if (isStorm)
        {
            TopicLogMessages.ResetStorm(_logger, StormSize, s_stormWindow, reason);
        }
    }

    /// <summary>A record cannot be used. It is counted once, however often it is read.</summary>
    public void Skipped(LogPosition position, RecordKind kind)
    {
        bool isLogged;
        lock (_gate)
        {
            if (_skippedPositions.Contains(position))
            {
                return;
            }

            isLogged = _skippedPositions.Count < MaxSkippedKept && _skippedPositions.Add(position);
        }

        Add(_skipped);
        if (isLogged)
        {
            TopicLogMessages.RecordSkipped(_logger, position, kind);
        }
    }

    /// <summary>The log did not answer the hub's reader. This is logged once for each outage.</summary>
    public void Unreachable(Exception exception)
    {
        if (_reading.Begin())
        {
            TopicLogMessages.Unreachable(_logger, exception);
        }
    }

    /// <summary>The log answered the hub's reader.</summary>
    public void Reachable()
    {
        if (_reading.End() is { } duration)
        {
            TopicLogMessages.Reachable(_logger, duration);
        }
    }

    /// <summary>The hub's position is no longer known to the log.</summary>
    public void HubPositionLost(PositionState reason) => TopicLogMessages.HubPositionLost(_logger, PositionStates.Name(reason));

    /// <summary>
    /// The log did not take an event. This is separate from reading: the log's memory may be full, or the identity may not be allowed to write.
    /// </summary>
    public void NotAppended(Exception exception)
    {
        if (_appending.Begin())
        {
            TopicLogMessages.TakesNoEvents(_logger, exception);
        }
    }

    /// <summary>A read failed although the log can be reached, and is tried again. At most one failure a minute is logged.</summary>
    public void ReadingFailed(Exception exception)
    {
        lock (_gate)
        {
            if (_failureWindowStart is { } start && _time.GetElapsedTime(start) < s_failureWindow)
            {
                return;
            }

            _failureWindowStart = _time.GetTimestamp();
        }

        TopicLogMessages.ReadingFailed(_logger, exception);
    }

    public void AppendFailed(Exception exception) => TopicLogMessages.AppendFailed(_logger, exception);

    private static void Add(Counter<long> counter, params ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        try
        {
            counter.Add(1, tags);
        }
        catch (Exception)
        {
            // A listener of the app failed.
        }
    }

    private static void Record(Histogram<double> histogram, TimeSpan time)
    {
        try
        {
            histogram.Record(time.TotalSeconds);
        }
        catch (Exception)
        {
            // A listener of the app failed.
        }
    }
}
