using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using FuncSse.Streaming;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace FuncSse.Tests;

/// <summary>The life of a stream on a clock that stands until the test moves it.</summary>
public sealed class SseStreamTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private static readonly SseOptions Lasting = new() { MaxDuration = TimeSpan.FromDays(1), KeepAlive = TimeSpan.FromSeconds(220) };

    [Fact]
    public async Task Retry_leaves_with_the_headers_and_the_first_event_a_second_later()
    {
        using var stream = new StreamHarness();
        Task run = await stream.OpenCounterAsync();
        Assert.Equal("retry: 1000\n\n", stream.Read());
        stream.Time.Advance(Second - TimeSpan.FromTicks(1));
        Assert.Equal("", stream.Read());
        stream.Time.Advance(TimeSpan.FromTicks(1));
        Assert.Equal("id: 1\ndata: 1\n\n", stream.Read());
        stream.LeaveAsClient();
        await run;
    }

    [Fact]
    public async Task Counter_does_not_drift_in_an_hour()
    {
        using var stream = new StreamHarness(Lasting);
        Task run = await stream.OpenCounterAsync();
        stream.Read();
        for (int second = 1; second <= 3600; second++)
        {
            stream.Time.Advance(Second - TimeSpan.FromTicks(1));
            Assert.Equal("", stream.Read());
            stream.Time.Advance(TimeSpan.FromTicks(1));
            Assert.Equal($"id: {second}\ndata: {second}\n\n", stream.Read());
        }

        stream.LeaveAsClient();
        await run;
    }

    [Theory]
    [InlineData("41", null, 42)]
    [InlineData(null, "41", 42)]
    [InlineData("41", "7", 42)]
    [InlineData("0", null, 1)]
    [InlineData("999999999999999999", null, 1_000_000_000_000_000_000)]
    [InlineData("", "7", 1)]
    [InlineData("-1", null, 1)]
    [InlineData("+1", null, 1)]
    [InlineData(" 1", null, 1)]
    [InlineData("1.5", null, 1)]
    [InlineData("abc", "7", 1)]
    [InlineData("9223372036854775807", null, 1)]
    [InlineData("000000000000000000000000000005", null, 1)]
    [InlineData("5\0", null, 1)]
    [InlineData("٣", null, 1)]
    public async Task Counter_goes_on_after_the_last_event_id(string? header, string? query, long next)
    {
        using var stream = new StreamHarness();
        if (header is not null)
        {
            stream.Http.Request.Headers["Last-Event-ID"] = header;
        }

        if (query is not null)
        {
            stream.Http.Request.QueryString = QueryString.Create("lastEventId", query);
        }

        Task run = await stream.OpenCounterAsync();
        stream.Time.Advance(2 * Second);
        Assert.Equal($"retry: 1000\n\nid: {next}\ndata: {next}\n\nid: {next + 1}\ndata: {next + 1}\n\n", stream.Read());
        stream.LeaveAsClient();
        await run;
    }

    [Fact]
    public async Task Feed_gets_the_last_event_id_as_it_came_or_none()
    {
        var seen = new List<string?>();
        foreach (string? id in (string?[])["any text, 日本", "1,2", null, ""])
        {
            using var stream = new StreamHarness();
            stream.Http.Request.Headers["Last-Event-ID"] = id;
            await stream.RunAsync((lastEventId, _) =>
            {
                seen.Add(lastEventId);
                return AsyncEnumerable.Empty<SseItem<string>>();
            });
        }

        Assert.Equal(["any text, 日本", "1,2", null, null], seen);
    }

    [Theory]
    [InlineData("client")]
    [InlineData("platform")]
    [InlineData("process")]
    public async Task Each_of_the_three_tokens_ends_the_stream_without_an_exception(string token)
    {
        using var stream = new StreamHarness();
        Task run = await stream.OpenCounterAsync();
        stream.Time.Advance(Second);
        stream.Read();
        (string ending, string reason) = token switch
        {
            "client" => ("^$", "ClientLeft"),
            "platform" => ("^retry: \\d{4}\n\n$", "HostCancelled"),
            _ => ("^retry: \\d{4}\n\n$", "HostStopping"),
        };
        Action end = token switch
        {
            "client" => stream.LeaveAsClient,
            "platform" => stream.CancelAsHost,
            _ => stream.StopHost,
        };
        end();
        await run.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Assert.Matches(ending, stream.Read());
        Assert.False(stream.IsAborted);
        Assert.Equal(0, stream.Streams.Open);
        Assert.Contains(stream.Logs.Entries, entry => entry.Level == LogLevel.Debug && entry.Message.EndsWith($"1 events: {reason}.", StringComparison.Ordinal));
        Assert.DoesNotContain(stream.Logs.Entries, entry => entry.Level > LogLevel.Information);
    }

    [Theory]
    [InlineData("client")]
    [InlineData("platform")]
    [InlineData("process")]
    public async Task Token_that_fired_before_the_stream_opened_ends_it_at_once(string token)
    {
        using var stream = new StreamHarness();
        Action end = token switch
        {
            "client" => stream.LeaveAsClient,
            "platform" => stream.CancelAsHost,
            _ => stream.StopHost,
        };
        end();
        bool isCalled = false;
        await stream.RunAsync((_, _) =>
        {
            isCalled = true;
            return AsyncEnumerable.Empty<SseItem<string>>();
        }).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Assert.False(isCalled);
        Assert.Equal(0, stream.Streams.Open);
    }

    [Fact]
    public async Task Stream_ends_itself_between_80_and_100_percent_of_its_longest_life()
    {
        var lives = new List<TimeSpan>();
        for (int i = 0; i < 20; i++)
        {
            using var stream = new StreamHarness();
            Task run = await stream.OpenCounterAsync();
            stream.Time.Advance(TimeSpan.FromSeconds(239));
            Assert.Equal(1, stream.Streams.Open);
            while (!run.IsCompleted)
            {
                stream.Time.Advance(Second);
                await Task.Delay(1, TestContext.Current.CancellationToken); // The end itself is another thread's work.
            }

            await run;
            lives.Add(stream.Time.Now);
            Assert.EndsWith("\n\nretry: 100\n\n", stream.Read(), StringComparison.Ordinal);
        }

        Assert.InRange(lives.Min(), TimeSpan.FromSeconds(240), TimeSpan.FromSeconds(275));
        Assert.InRange(lives.Max(), TimeSpan.FromSeconds(265), TimeSpan.FromSeconds(310));
    }

    [Fact]
    public async Task Comment_keeps_a_silent_stream_alive_and_a_busy_one_gets_none()
    {
        using var stream = new StreamHarness(new SseOptions { MaxDuration = TimeSpan.FromHours(1) });
        var waiting = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Task run = stream.RunAsync((_, cancellationToken) => AfterAsync(40 * Second, cancellationToken));
        await waiting.Task;
        Assert.Equal("retry: 1000\n\n", stream.Read());
        stream.Time.Advance(15 * Second - TimeSpan.FromTicks(1));
        Assert.Equal("", stream.Read());
        stream.Time.Advance(TimeSpan.FromTicks(1));
        await Eventually.TrueAsync(() => stream.Read() == ":\n\n"); // The first time only: the stream may not be waiting yet.
        stream.Time.Advance(15 * Second);
        Assert.Equal(":\n\n", stream.Read());
        stream.Time.Advance(10 * Second);
        Assert.Equal("data: a\n\n", stream.Read());
        stream.Time.Advance(15 * Second - TimeSpan.FromTicks(1));
        Assert.Equal("", stream.Read());
        stream.Time.Advance(TimeSpan.FromTicks(1));
        Assert.Equal(":\n\n", stream.Read());
        stream.LeaveAsClient();
        await run;

        using var busy = new StreamHarness(new SseOptions { MaxDuration = TimeSpan.FromHours(1) });
        Task busyRun = await busy.OpenCounterAsync();
        busy.Time.Advance(TimeSpan.FromMinutes(1));
        Assert.DoesNotContain(":\n\n", Regex.Replace(busy.Read(), "data: \\d+\n\n", ""), StringComparison.Ordinal);
        busy.LeaveAsClient();
        await busyRun;

        async IAsyncEnumerable<SseItem<string>> AfterAsync(TimeSpan time, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            using var timer = new PeriodicTimer(time, stream.Coalescing);
            waiting.SetResult();
            while (await timer.WaitForNextTickAsync(cancellationToken))
            {
                yield return new SseItem<string>("a");
            }
        }
    }

    [Fact]
    public async Task Stream_of_a_feed_that_has_no_more_events_ends()
    {
        using var stream = new StreamHarness();
        await stream.RunAsync((_, _) => new[] { new SseItem<string>("a", "t"), new SseItem<string>("b") { EventId = "2" } }.ToAsyncEnumerable());
        Assert.Equal("retry: 1000\n\nevent: t\ndata: a\n\nid: 2\ndata: b\n\n", stream.Read());
    }

    [Fact]
    public async Task Data_that_is_no_text_is_sent_as_json()
    {
        using var stream = new StreamHarness();
        await stream.RunAsync((_, _) => new[] { new SseItem<Reading>(new Reading("a\nb", 1.5)), new SseItem<Reading>(null!) }.ToAsyncEnumerable());
        Assert.Equal("retry: 1000\n\ndata: {\"name\":\"a\\nb\",\"value\":1.5}\n\ndata: \n\n", stream.Read());
    }

    [Fact]
    public async Task Feed_that_fails_ends_the_stream_and_the_failure_comes_out()
    {
        using var stream = new StreamHarness();
        Task run = stream.RunAsync(FailingAsync);
        Assert.Equal("no more", (await Assert.ThrowsAsync<InvalidOperationException>(() => run)).Message);
        Assert.Matches("^retry: 1000\n\ndata: a\n\nretry: \\d{4}\n\n$", stream.Read());
        Assert.Equal(0, stream.Streams.Open);
        Assert.Single(stream.Logs.Entries, entry => entry.Level == LogLevel.Error && entry.Exception?.Message == "no more");

        static async IAsyncEnumerable<SseItem<string>> FailingAsync(string? lastEventId, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            yield return new SseItem<string>("a");
            await Task.Yield();
            throw new InvalidOperationException("no more");
        }
    }

    [Fact]
    public async Task Feed_that_would_forge_a_frame_fails()
    {
        using var stream = new StreamHarness();
        var item = new SseItem<string>("a") { EventId = "1\0" };
        await Assert.ThrowsAsync<ArgumentException>(() => stream.RunAsync((_, _) => new[] { item }.ToAsyncEnumerable()));
        Assert.Matches("^retry: 1000\n\nretry: \\d{4}\n\n$", stream.Read());
    }

    [Fact]
    public async Task Feed_that_ignores_its_cancellation_does_not_keep_the_stream()
    {
        using var stream = new StreamHarness();
        var never = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var disposed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var called = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Task run = stream.RunAsync((_, _) => StuckAsync());
        await called.Task;
        stream.StopHost();
        await Eventually.TrueAsync(() =>
        {
            stream.Time.Advance(TimeSpan.FromMilliseconds(100));
            return run.IsCompleted;
        });
        await run;
        Assert.InRange(stream.Time.Now, TimeSpan.FromMilliseconds(500), TimeSpan.FromMinutes(10));
        Assert.Contains(stream.Logs.Entries, entry => entry.Level == LogLevel.Warning);
        Assert.False(disposed.Task.IsCompleted);
        never.SetResult();
        await disposed.Task;

        async IAsyncEnumerable<SseItem<string>> StuckAsync()
        {
            try
            {
                called.SetResult();
                await never.Task;
                yield break;
            }
            finally
            {
                disposed.SetResult();
            }
        }
    }

    [Fact]
    public async Task Feed_that_throws_when_it_is_cancelled_has_not_failed()
    {
        using var stream = new StreamHarness();
        var waiting = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Task run = stream.RunAsync(WaitingAsync);
        await waiting.Task;
        stream.CancelAsHost();
        await run;
        Assert.DoesNotContain(stream.Logs.Entries, entry => entry.Level > LogLevel.Information);

        async IAsyncEnumerable<SseItem<string>> WaitingAsync(string? lastEventId, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            waiting.SetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
            yield break;
        }
    }

    [Fact]
    public async Task Client_that_takes_no_byte_is_dropped_after_the_write_timeout()
    {
        using var stream = new StreamHarness(pauseWriterAt: 20);
        Task run = await stream.OpenCounterAsync();
        stream.Time.Advance(Second); // retry and the first event: over the pipe's 20 bytes.
        Assert.False(stream.IsAborted);
        stream.Time.Advance(10 * Second - TimeSpan.FromTicks(1));
        Assert.False(stream.IsAborted);
        stream.Time.Advance(TimeSpan.FromTicks(1));
        Assert.True(stream.IsAborted);
        await run;
        Assert.Contains(stream.Logs.Entries, entry => entry.Message.EndsWith("ClientStalled.", StringComparison.Ordinal));
        Assert.Equal(0, stream.Streams.Open);
    }

    [Fact]
    public async Task Client_that_takes_a_large_event_slowly_is_not_dropped()
    {
        using var stream = new StreamHarness(Lasting, pauseWriterAt: 20);
        string large = new('x', 20 * SseStreamWriter.DataWindow);
        Task run = stream.RunAsync((_, _) => new[] { new SseItem<string>(large) }.ToAsyncEnumerable());
        await stream.TakeAsync("retry: 1000\n\n".Length);
        for (int i = 0; i < 20; i++)
        {
            stream.Time.Advance(9 * Second);
            await stream.TakeAsync(SseStreamWriter.DataWindow);
        }

        await stream.TakeAsync("data: \n\n".Length);
        await run;
        Assert.False(stream.IsAborted);
    }

    [Fact]
    public async Task Client_that_reads_slowly_does_not_outstay_the_end_of_its_stream()
    {
        using var stream = new StreamHarness(Lasting, pauseWriterAt: 20);
        string large = new('x', 20 * SseStreamWriter.DataWindow);
        Task run = stream.RunAsync((_, _) => new[] { new SseItem<string>(large) }.ToAsyncEnumerable());
        await stream.TakeAsync("retry: 1000\n\n".Length + SseStreamWriter.DataWindow);
        stream.StopHost();
        TimeSpan grace = TimeSpan.FromMilliseconds(500);
        await Eventually.TrueAsync(() => stream.Time.NextDue == stream.Time.Now + grace);
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
        var options = new SseOptions { KeepAlive = keepAlive * Second, WriteTimeout = writeTimeout * Second, MaxDuration = TimeSpan.FromDays(1) };
        using var stream = new StreamHarness(options, pauseWriterAt: 15);
        var waiting = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Task run = stream.RunAsync((_, cancellationToken) => SilentAsync(waiting, cancellationToken));
        await waiting.Task;
        stream.Time.Advance(keepAlive * Second);
        await Eventually.TrueAsync(() => stream.Time.NextDue == (keepAlive + writeTimeout) * Second); // The comment is written, and hangs.
        stream.Time.Advance(writeTimeout * Second - TimeSpan.FromTicks(1));
        Assert.False(stream.IsAborted);
        stream.Time.Advance(TimeSpan.FromTicks(1));
        Assert.True(stream.IsAborted);
        await run;
    }

    [Fact]
    public async Task Feed_that_blocks_when_it_is_cancelled_does_not_keep_the_stream()
    {
        using var stream = new StreamHarness();
        using var release = new ManualResetEventSlim();
        var waiting = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Task run = stream.RunAsync((_, cancellationToken) =>
        {
            cancellationToken.Register(release.Wait);
            return SilentAsync(waiting, cancellationToken);
        });
        await waiting.Task;
        stream.StopHost();
        await Eventually.TrueAsync(() =>
        {
            stream.Time.Advance(TimeSpan.FromMilliseconds(100));
            return run.IsCompleted;
        });
        release.Set();
        await run;
        Assert.Matches("^retry: 1000\n\nretry: \\d{4}\n\n$", stream.Read());
    }

    [Fact]
    public async Task Stream_that_has_to_end_does_not_wait_for_a_client_that_does_not_read()
    {
        using var stream = new StreamHarness(pauseWriterAt: 20);
        Task run = await stream.OpenCounterAsync();
        stream.Time.Advance(Second);
        stream.StopHost();
        TimeSpan grace = TimeSpan.FromMilliseconds(500);
        await Eventually.TrueAsync(() => stream.Time.NextDue == stream.Time.Now + grace);
        stream.Time.Advance(grace);
        await run;
        Assert.True(stream.IsAborted);
    }

    [Fact]
    public async Task Stream_beyond_the_limit_is_told_to_come_back_much_later()
    {
        using var stream = new StreamHarness(new SseOptions { MaxStreams = 1 });
        Task run = await stream.OpenCounterAsync();
        stream.Read();
        DefaultHttpContext second = stream.NewRequest();
        await new SseStreamResult<string>(stream.Counter.ReadAsync).ExecuteAsync(second);
        Assert.Equal(200, second.Response.StatusCode);
        Assert.Matches("^retry: [123]\\d{4}\n\n$", stream.Read());
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
            async stream => await stream.RunAsync((_, _) => AsyncEnumerable.Empty<SseItem<string>>()),
            async stream => await Record.ExceptionAsync(() => stream.RunAsync<string>((_, _) => throw new InvalidOperationException())),
            async stream => await Record.ExceptionAsync(() => stream.RunAsync((_, _) => Once(new SseItem<string>("a") { EventId = "\0" }))),
            stream => EndAsync(stream, stream.LeaveAsClient),
            stream => EndAsync(stream, stream.StopHost),
            stream => EndAsync(stream, stream.CancelAsHost),
            stream => EndAsync(stream, () => stream.Time.Advance(stream.Options.MaxDuration)),
        ];
        var options = new SseOptions { MaxStreams = 1 };
        foreach (Func<StreamHarness, Task> way in ways)
        {
            using var stream = new StreamHarness(options);
            await way(stream);
            Assert.Equal(0, stream.Streams.Open);
        }

        using var stalled = new StreamHarness(options, pauseWriterAt: 20);
        await EndAsync(stalled, () => stalled.Time.Advance(Second + options.WriteTimeout));
        Assert.True(stalled.IsAborted);
        Assert.Equal(0, stalled.Streams.Open);

        static async Task EndAsync(StreamHarness stream, Action end)
        {
            Task run = await stream.OpenCounterAsync();
            Assert.Equal(1, stream.Streams.Open);
            Assert.False(stream.Streams.TryEnter());
            end();
            await run;
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
                if (stream.Streams.TryEnter())
                {
                    Interlocked.Increment(ref entered);
                    most = Math.Max(most, stream.Streams.Open);
                    stream.Streams.Leave(TimeSpan.Zero, SseStreamEnd.ClientLeft);
                }
            }
        })));
        Assert.InRange(most, 1, 3);
        Assert.InRange(entered, 20_000, 160_000);
        Assert.Equal(0, stream.Streams.Open);
    }

    private static IAsyncEnumerable<SseItem<string>> Once(SseItem<string> item) => new[] { item }.ToAsyncEnumerable();

    private static async IAsyncEnumerable<SseItem<string>> SilentAsync(
        TaskCompletionSource waiting, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        waiting.SetResult();
        await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
        yield break;
    }

    private sealed record Reading(string Name, double Value);
}
