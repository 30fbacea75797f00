using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using FuncSse.Topics;

namespace FuncSse.Tests.Topics;

/// <summary>What an operator sees of the topics.</summary>
[Trait("Category", "Fast")]
public sealed class TopicMetricsTests : IAsyncDisposable
{
    private readonly TopicNode _node = new(new MemoryEventLog(new TopicOptions(), TimeProvider.System));
    private readonly MeterListener _listener = new();
    private readonly ConcurrentDictionary<string, double> _sums = new();
    private readonly ConcurrentDictionary<string, string?> _units = new();

    public TopicMetricsTests()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == "FuncSse" && instrument.Meter.Scope == _node.Meters)
            {
                _units[instrument.Name] = instrument.Unit;
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
            _sums.AddOrUpdate(string.Join(' ', [instrument.Name, .. tags.ToArray().Select(tag => tag.Value)]), value, (_, sum) => sum + value));
        _listener.SetMeasurementEventCallback<double>((instrument, value, _, _) => _sums[instrument.Name] = value);
        _listener.Start();
    }

    public ValueTask DisposeAsync()
    {
        _listener.Dispose();
        return _node.DisposeAsync();
    }

    [Fact]
    public void Instruments_have_names_and_units_after_the_conventions() => Assert.Equal(
        [
            ("funcsse.topics.appended", "{append}"),
            ("funcsse.topics.delay", "s"),
            ("funcsse.topics.delivered", "{event}"),
            ("funcsse.topics.oldest_event.age", "s"),
            ("funcsse.topics.publish.duration", "s"),
            ("funcsse.topics.published", "{event}"),
            ("funcsse.topics.resets", "{stream}"),
            ("funcsse.topics.skipped_records", "{record}"),
        ],
        _units.Select(unit => (unit.Key, unit.Value)).Order());

    [Fact]
    public async Task Events_resets_and_skipped_records_are_counted()
    {
        using SubscriptionReader one = _node.Subscribe("t");
        using SubscriptionReader other = _node.Subscribe("t", "unknown");
        await one.NextAsync();
        await other.NextAsync();
        await _node.AppendAsync([new NumberedRecord(100, "damaged"u8.ToArray())]);
        await _node.PublishAsync("t", "1");
        await one.NextAsync();
        await other.NextAsync();
        _listener.RecordObservableInstruments();
        Assert.Equal(1, _sums["funcsse.topics.published"]);
        Assert.Equal(1, _sums["funcsse.topics.appended"]);
        Assert.Equal(2, _sums["funcsse.topics.delivered"]);
        Assert.Equal(1, _sums["funcsse.topics.resets unknown"]);
        Assert.Equal(1, _sums["funcsse.topics.skipped_records"]);
        Assert.InRange(_sums["funcsse.topics.delay"], 0, 30);
        Assert.InRange(_sums["funcsse.topics.publish.duration"], 0, 30);
        Assert.InRange(_sums["funcsse.topics.oldest_event.age"], 0, 30);
    }

    [Fact]
    public async Task Skipped_records_beyond_those_that_are_told_apart_are_not_logged()
    {
        string earliest = await _node.EarliestAsync();
        for (int number = 0; number < TopicMetrics.MaxSkippedKept + 100; number++)
        {
            await _node.AppendAsync([new NumberedRecord(100 + number, "{\"v\":3}"u8.ToArray())]);
        }

        await _node.ReadAsync(earliest);
        await _node.ReadAsync(earliest);
        Assert.Equal(TopicMetrics.MaxSkippedKept, _node.Logs.Count);
        Assert.Equal(TopicMetrics.MaxSkippedKept + 200, _sums["funcsse.topics.skipped_records"]);
    }
}
