using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Net.ServerSentEvents;
using FuncSse.Streaming;

namespace FuncSse.Tests;

/// <summary>What an operator sees of the streams.</summary>
public sealed class SseMetricsTests : IDisposable
{
    private readonly StreamHarness _stream = new(new SseOptions { MaxStreams = 1 });
    private readonly MeterListener _listener = new();
    private readonly ConcurrentDictionary<string, double> _sums = new();
    private readonly ConcurrentQueue<(double Seconds, string? Reason)> _durations = new();
    private readonly ConcurrentDictionary<string, string?> _units = new();

    public SseMetricsTests()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            // Other tests have meters of the same name at the same time.
            if (instrument.Meter.Name == "FuncSse" && instrument.Meter.Scope == _stream.MeterFactory)
            {
                _units[instrument.Name] = instrument.Unit;
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, _, _) => _sums.AddOrUpdate(instrument.Name, value, (_, sum) => sum + value));
        _listener.SetMeasurementEventCallback<int>((instrument, value, _, _) => _sums[instrument.Name] = value);
        _listener.SetMeasurementEventCallback<double>((_, value, tags, _) =>
            _durations.Enqueue((value, tags.ToArray().Single(tag => tag.Key == "funcsse.stream.end_reason").Value as string)));
        _listener.Start();
    }

    public void Dispose()
    {
        _listener.Dispose();
        _stream.Dispose();
    }

    [Fact]
    public async Task Instruments_have_names_and_units_after_the_conventions()
    {
        await _stream.RunAsync((_, _) => AsyncEnumerable.Empty<SseItem<string>>());
        Assert.Equal(
            [
                ("funcsse.active_streams", "{stream}"),
                ("funcsse.refused_streams", "{stream}"),
                ("funcsse.sent_events", "{event}"),
                ("funcsse.stream.duration", "s"),
            ],
            _units.Select(unit => (unit.Key, unit.Value)).Order());
    }

    [Fact]
    public async Task Streams_events_refusals_and_durations_are_counted()
    {
        Task run = _stream.RunCounterAsync();
        _stream.Time.Advance(TimeSpan.FromSeconds(3));
        await new SseStreamResult<string>(_stream.Counter.ReadAsync).ExecuteAsync(_stream.NewRequest());
        _listener.RecordObservableInstruments();
        Assert.Equal(1, _sums["funcsse.active_streams"]);
        Assert.Equal(3, _sums["funcsse.sent_events"]);
        Assert.Equal(1, _sums["funcsse.refused_streams"]);
        Assert.Empty(_durations);

        _stream.LeaveAsClient();
        await run;
        _listener.RecordObservableInstruments();
        Assert.Equal(0, _sums["funcsse.active_streams"]);
        Assert.Equal((3.0, "client_left"), Assert.Single(_durations));
    }

    [Theory]
    [InlineData("host_stopping")]
    [InlineData("host_cancelled")]
    [InlineData("lifetime")]
    [InlineData("feed_ended")]
    [InlineData("feed_failed")]
    public async Task Reason_of_an_end_has_its_name(string reason)
    {
        if (reason is "feed_ended")
        {
            await _stream.RunAsync((_, _) => AsyncEnumerable.Empty<SseItem<string>>());
        }
        else if (reason is "feed_failed")
        {
            await Assert.ThrowsAsync<InvalidOperationException>(() => _stream.RunAsync<string>((_, _) => throw new InvalidOperationException()));
        }
        else
        {
            Task run = _stream.RunCounterAsync();
            Action end = reason switch
            {
                "host_stopping" => _stream.StopHost,
                "host_cancelled" => _stream.CancelAsHost,
                _ => () => _stream.Time.Advance(_stream.Options.MaxDuration),
            };
            end();
            await run;
        }

        Assert.Equal(reason, Assert.Single(_durations).Reason);
    }
}
