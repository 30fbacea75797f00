using System.Net.ServerSentEvents;
using FuncSse.Streaming;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Extensions.Logging;

namespace FuncSse.Tests;

/// <summary>Clients that do not read, and more of them than are allowed, on a clock that stands until the test moves it.</summary>
[Trait("Category", "Fast")]
public sealed class SseStreamClientTests
{
    private static readonly TimeSpan s_second = TimeSpan.FromSeconds(1);
    private static readonly SseOptions s_lasting = new() { MaxDuration = TimeSpan.FromDays(1), KeepAlive = TimeSpan.FromSeconds(220) };

    [Fact]
    public async Task Client_that_takes_no_byte_is_dropped_after_the_write_timeout()
    {
        using var stream = new StreamHarness(pauseWriterAt: 20);
        Task run = stream.RunCounterAsync();
        stream.Time.Advance(s_second); // retry and the first event: over the pipe's 20 bytes.
        Assert.False(stream.IsAborted);
        stream.Time.Advance(10 * s_second - TimeSpan.FromTicks(1));
        Assert.False(stream.IsAborted);
        stream.Time.Advance(TimeSpan.FromTicks(1));
        Assert.True(stream.IsAborted);
        await run;
        Assert.Contains(stream.Logs.GetSnapshot(), entry => entry.Message.EndsWith("client_stalled.", StringComparison.Ordinal));
        Assert.Equal(0, stream.Streams.Open);
    }

    [Fact]
    public async Task Client_that_takes_a_large_event_slowly_is_not_dropped()
    {
        using var stream = new StreamHarness(s_lasting, pauseWriterAt: 20);
        string large = new('x', 20 * SseStreamWriter.DataWindow);
        Task run = stream.RunAsync((_, _) => new[] { new SseItem<string>(large) }.ToAsyncEnumerable());
        await stream.TakeAsync("retry: 1000\n\n".Length);
        for (int i = 0; i < 20; i++)
        {
            stream.Time.Advance(9 * s_second);
            await stream.TakeAsync(SseStreamWriter.DataWindow);
        }

        await stream.TakeAsync("data: \n\n".Length);
        await run;
        Assert.False(stream.IsAborted);
    }

    [Fact]
    public async Task Client_that_reads_slowly_does_not_outstay_the_end_of_its_stream()
    {
        using var stream = new StreamHarness(s_lasting, pauseWriterAt: 20);
        string large = new('x', 20 * SseStreamWriter.DataWindow);
        Task run = stream.RunAsync((_, _) => new[] { new SseItem<string>(large) }.ToAsyncEnumerable());
        await stream.TakeAsync("retry: 1000\n\n".Length + SseStreamWriter.DataWindow);
        stream.StopHost();
        TimeSpan grace = TimeSpan.FromMilliseconds(500);
        stream.Time.Advance(TimeSpan.FromMilliseconds(400));
        await stream.TakeAsync(SseStreamWriter.DataWindow);
        stream.Time.Advance(TimeSpan.FromMilliseconds(100));
        Assert.True(stream.IsAborted);
        await run;
    }

    [Theory]
    [InlineData(200, 2)]
    [InlineData(2, 10)]
    public async Task Client_that_does_not_take_a_comment_has_the_write_timeout_to_do_so(int keepAlive, int writeTimeout)
    {
        var options = new SseOptions { KeepAlive = keepAlive * s_second, WriteTimeout = writeTimeout * s_second, MaxDuration = TimeSpan.FromDays(1) };
        using var stream = new StreamHarness(options, pauseWriterAt: 15);
        Task run = stream.RunAsync((_, cancellationToken) => StreamHarness.SilentAsync(cancellationToken));
        stream.Time.Advance(keepAlive * s_second); // The comment is written, and hangs.
        stream.Time.Advance(writeTimeout * s_second - TimeSpan.FromTicks(1));
        Assert.False(stream.IsAborted);
        stream.Time.Advance(TimeSpan.FromTicks(1));
        Assert.True(stream.IsAborted);
        await run;
    }

    [Fact]
    public void Keep_alive_that_was_due_when_a_flush_began_to_wait_does_not_drop_the_client()
    {
        using var stream = new StreamHarness();
        var watched = new SseFeedStream<string>(
            stream.Http, stream.Streams, stream.Streams.Settings(null), (_, cancellationToken) => StreamHarness.SilentAsync(cancellationToken), CancellationToken.None);
        var watch = new SseWatchdog(watched, stream.Http, stream.Coalescing);
        stream.Time.Jump(stream.Options.KeepAlive);
        watch.OnFlushPending();
        watch.Check();
        Assert.False(stream.IsAborted);
        stream.Time.Jump(stream.Options.WriteTimeout - TimeSpan.FromTicks(1));
        watch.Check();
        Assert.False(stream.IsAborted);
        stream.Time.Jump(TimeSpan.FromTicks(1));
        watch.Check();
        Assert.True(stream.IsAborted);
    }

    [Fact]
    public async Task Stream_that_has_to_end_does_not_wait_for_a_client_that_does_not_read()
    {
        using var stream = new StreamHarness(pauseWriterAt: 20);
        Task run = stream.RunCounterAsync();
        stream.Time.Advance(s_second);
        stream.StopHost();
        TimeSpan grace = TimeSpan.FromMilliseconds(500);
        stream.Time.Advance(grace);
        await run;
        Assert.True(stream.IsAborted);
        Assert.DoesNotContain(stream.Logs.GetSnapshot(), entry => entry.Level > LogLevel.Information); // The feed did nothing wrong.
    }

    [Fact]
    public async Task Client_that_is_refused_and_does_not_read_even_that_is_dropped()
    {
        using var stream = new StreamHarness(new SseOptions { MaxStreams = 1 }, pauseWriterAt: 10);
        Assert.True(stream.Streams.TryEnter("test"));
        Task run = stream.RunCounterAsync();
        stream.Time.Advance(9 * s_second);
        Assert.False(stream.IsAborted);
        stream.Time.Advance(s_second);
        await run;
        Assert.True(stream.IsAborted);
    }

    [Fact]
    public async Task Servers_own_limit_for_slow_clients_is_lifted()
    {
        using var stream = new StreamHarness();
        var limit = new DataRateLimit { MinDataRate = new MinDataRate(240, TimeSpan.FromSeconds(5)) };
        stream.Http.Features.Set<IHttpMinResponseDataRateFeature>(limit);
        await stream.RunToEndAsync((_, _) => AsyncEnumerable.Empty<SseItem<string>>());
        Assert.Null(limit.MinDataRate);
    }

    [Fact]
    public async Task Stream_beyond_the_limit_is_told_to_come_back_much_later()
    {
        using var stream = new StreamHarness(new SseOptions { MaxStreams = 1 });
        Task run = stream.RunCounterAsync();
        stream.Read();
        var waits = new HashSet<string>();
        for (int i = 0; i < 10; i++)
        {
            DefaultHttpContext second = stream.NewRequest();
            Task refused = new SseStreamResult<string>(stream.Counter.ReadAsync).ExecuteAsync(second);
            Assert.Equal(200, second.Response.StatusCode);
            string answer = stream.Read();
            Assert.False(refused.IsCompleted); // It is held open for a second.
            stream.Time.Advance(s_second + CoalescingTimeProvider.MaxDelay);
            await refused;
            stream.Read(); // A second's count of the other stream.
            Assert.Matches("^retry: [12]\\d{4}\n\n$", answer);
            waits.Add(answer);
        }

        Assert.NotEqual(1, waits.Count); // At random, so that they do not come back together.
        Assert.Equal(1, stream.Streams.Open);
        stream.LeaveAsClient();
        await run;
        Assert.Equal(0, stream.Streams.Open);
    }

    [Fact]
    public async Task Limit_is_counted_exactly_through_every_way_to_end()
    {
        Func<StreamHarness, Task>[] ways =
        [
            async stream => await stream.RunToEndAsync((_, _) => AsyncEnumerable.Empty<SseItem<string>>()),
            async stream => await Record.ExceptionAsync(() => stream.RunToEndAsync<string>((_, _) => throw new InvalidOperationException())),
            async stream => await Record.ExceptionAsync(() => stream.RunToEndAsync((_, _) => Once(new SseItem<string>("a") { EventId = "\0" }))),
            stream => EndAsync(stream, stream.LeaveAsClient),
            stream => EndAsync(stream, stream.StopHost),
            stream => EndAsync(stream, stream.CancelAsHost),
            stream => EndAsync(stream, () => stream.Time.Advance(stream.Options.MaxDuration)),
        ];
        // Short, so that the clock is not far beyond the end when the feed is closed.
        var options = new SseOptions { MaxStreams = 1, MaxDuration = 5 * s_second };
        foreach (Func<StreamHarness, Task> way in ways)
        {
            using var stream = new StreamHarness(options);
            await way(stream);
            // A clock that leaps minutes takes a feed for one that hangs, until that has let go.
            await Eventually.TrueAsync(() => stream.Streams.Open == 0);
        }

        using var stalled = new StreamHarness(new SseOptions { MaxStreams = 1 }, pauseWriterAt: 20);
        await EndAsync(stalled, () => stalled.Time.Advance(s_second + stalled.Options.WriteTimeout));
        Assert.True(stalled.IsAborted);
        await Eventually.TrueAsync(() => stalled.Streams.Open == 0);

        static async Task EndAsync(StreamHarness stream, Action end)
        {
            Task run = stream.RunCounterAsync();
            Assert.Equal(1, stream.Streams.Open);
            Assert.False(stream.Streams.TryEnter("test"));
            stream.Time.Advance(0.5 * s_second);
            end();
            await stream.EndAsync(run);
        }
    }

    [Fact]
    public async Task Limit_holds_when_many_come_at_once()
    {
        using var stream = new StreamHarness(new SseOptions { MaxStreams = 3 });
        int most = 0, entered = 0;
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() =>
        {
            for (int i = 0; i < 20_000; i++)
            {
                if (stream.Streams.TryEnter("test"))
                {
                    Interlocked.Increment(ref entered);
                    most = Math.Max(most, stream.Streams.Open);
                    stream.Streams.Leave(TimeSpan.Zero, SseStreamEnd.ClientLeft, abandonedFeed: null);
                }
            }
        })));
        Assert.InRange(most, 1, 3);
        Assert.InRange(entered, 20_000, 160_000);
        Assert.Equal(0, stream.Streams.Open);
    }

    private sealed class DataRateLimit : IHttpMinResponseDataRateFeature
    {
        public MinDataRate? MinDataRate { get; set; }
    }

    private static IAsyncEnumerable<SseItem<string>> Once(SseItem<string> item) => new[] { item }.ToAsyncEnumerable();
}
