using System.Diagnostics.Metrics;
using System.Net.ServerSentEvents;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace FuncSse.Tests;

/// <summary>Logger providers and meter listeners that throw: no stream feels it.</summary>
public sealed class HostileListenerTests
{
    [Fact]
    public async Task Logger_provider_that_throws_ends_nothing()
    {
        using var stream = new StreamHarness(configure: services => services.AddLogging(logging => logging.AddProvider(new HostileProvider())));
        await AssertWholeAsync(stream);
        await stream.RunToEndAsync((_, _) => FailingAsync());
        Assert.Matches("data: a\nid: 1\n\nretry: \\d{4}\n\n$", stream.Read());
        Assert.Equal(0, stream.Streams.Open);
    }

    [Fact]
    public async Task Meter_listener_that_throws_ends_nothing()
    {
        using var stream = new StreamHarness();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (ReferenceEquals(instrument.Meter.Scope, stream.MeterFactory)) // Other tests have meters of the same name at the same time.
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        int calls = 0;
        listener.SetMeasurementEventCallback<long>((_, _, _, _) => Throw());
        listener.SetMeasurementEventCallback<double>((_, _, _, _) => Throw());
        _ = stream.Streams; // Makes the instruments.
        listener.Start();
        await AssertWholeAsync(stream);
        Assert.InRange(calls, 3, int.MaxValue);
        LoggedLines.AssertEnd(stream, "feed_ended");
        LoggedLines.AssertQuiet(stream);

        void Throw()
        {
            calls++;
            throw new InvalidOperationException("a hostile listener");
        }
    }

    private static async Task AssertWholeAsync(StreamHarness stream)
    {
        SseItem<string>[] events = [new("a") { EventId = "1" }, new("b") { EventId = "2" }];
        await stream.RunToEndAsync((_, _) => events.ToAsyncEnumerable());
        Assert.Equal("retry: 1000\n\ndata: a\nid: 1\n\ndata: b\nid: 2\n\n", stream.Read());
        Assert.Equal(0, stream.Streams.Open);
    }

    private static async IAsyncEnumerable<SseItem<string>> FailingAsync()
    {
        yield return new SseItem<string>("a") { EventId = "1" };
        await Task.Yield();
        throw new InvalidOperationException("no");
    }

    private sealed class HostileProvider : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            throw new InvalidOperationException("a hostile provider");

        public void Dispose()
        {
        }
    }
}
