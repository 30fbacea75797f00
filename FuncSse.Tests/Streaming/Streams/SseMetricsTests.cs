using System.Net.ServerSentEvents;
using FuncSse.Streaming;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;

namespace FuncSse.Tests;

/// <summary>What an operator sees of the streams.</summary>
[Trait("Category", "Fast")]
public sealed class SseMetricsTests : IDisposable
{
    private readonly StreamHarness _stream = new(new SseOptions { MaxStreams = 1 });
    private readonly MetricCollector<int> _activeStreams;
    private readonly MetricCollector<long> _sentEvents;
    private readonly MetricCollector<long> _refusedStreams;
    private readonly MetricCollector<double> _durations;

    public SseMetricsTests()
    {
        _activeStreams = Collect<int>("funcsse.active_streams");
        _sentEvents = Collect<long>("funcsse.sent_events");
        _refusedStreams = Collect<long>("funcsse.refused_streams");
        _durations = Collect<double>("funcsse.stream.duration");
    }

    public void Dispose()
    {
        _activeStreams.Dispose();
        _sentEvents.Dispose();
        _refusedStreams.Dispose();
        _durations.Dispose();
        _stream.Dispose();
    }

    [Fact]
    public async Task Instruments_have_units_after_the_conventions()
    {
        await _stream.RunToEndAsync((_, _) => AsyncEnumerable.Empty<SseItem<string>>());
        Assert.Equal("{stream}", _activeStreams.Instrument!.Unit);
        Assert.Equal("{event}", _sentEvents.Instrument!.Unit);
        Assert.Equal("{stream}", _refusedStreams.Instrument!.Unit);
        Assert.Equal("s", _durations.Instrument!.Unit);
    }

    [Fact]
    public async Task Streams_events_refusals_and_durations_are_counted()
    {
        Task run = _stream.RunCounterAsync();
        _stream.Time.Advance(TimeSpan.FromSeconds(3));
        Task refused = new SseStreamResult<string>(_stream.Counter.ReadAsync).ExecuteAsync(_stream.NewRequest());
        Assert.Equal(1, ActiveStreams());
        Assert.Equal(3, _sentEvents.GetMeasurementSnapshot().EvaluateAsCounter());
        Assert.Equal(1, _refusedStreams.GetMeasurementSnapshot().EvaluateAsCounter());
        Assert.Empty(_durations.GetMeasurementSnapshot());

        _stream.LeaveAsClient();
        await run;
        await refused;
        Assert.Equal(0, ActiveStreams());
        Assert.Equal(3, Assert.Single(_durations.GetMeasurementSnapshot()).Value);
        Assert.Equal("client_left", EndReason());
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
            await _stream.RunToEndAsync((_, _) => AsyncEnumerable.Empty<SseItem<string>>());
        }
        else if (reason is "feed_failed")
        {
            await _stream.RunToEndAsync<string>((_, _) => throw new InvalidOperationException());
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
            _stream.Time.Advance(TimeSpan.FromSeconds(0.5));
            end();
            await _stream.EndAsync(run);
        }

        Assert.Equal(reason, EndReason());
    }

    // From this test's own meter factory: other tests have meters of the same name at the same time.
    private MetricCollector<T> Collect<T>(string instrument)
        where T : struct => new(_stream.MeterFactory, SseMeter.Name, instrument);

    private int ActiveStreams()
    {
        _activeStreams.RecordObservableInstruments();
        return _activeStreams.LastMeasurement!.Value;
    }

    private object? EndReason() => Assert.Single(_durations.GetMeasurementSnapshot()).Tags["funcsse.stream.end_reason"];
}
