using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using FuncSse.Streaming;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace FuncSse.Tests;

/// <summary>What feeds do: clean up, cancel, fail, end, burst and tell positions, on a clock that stands until the test moves it.</summary>
[Trait("Category", "Fast")]
public sealed class SseFeedTests
{
    private static readonly TimeSpan s_second = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData("client_left")]
    [InlineData("lifetime")]
    public async Task Feed_cleans_up_before_the_response_ends(string end)
    {
        using var stream = new StreamHarness();
        var cleaning = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var cleaned = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var options = new SseStreamOptions { MaxDuration = TimeSpan.FromSeconds(0.5) };
        Task run = stream.RunAsync((_, cancellationToken) => SlowToCleanAsync(cancellationToken), options);
        if (end == "client_left")
        {
            stream.LeaveAsClient();
        }
        else
        {
            stream.Time.Advance(s_second);
        }

        await cleaning.Task.WaitAsync(s_limit, TestContext.Current.CancellationToken);
        stream.Time.Advance(28 * s_second);
        Assert.False(run.IsCompleted);
        Assert.Equal("retry: 1000\n\n", Regex.Replace(stream.Read(), ":\n\n", ""));
        cleaned.SetResult();
        await run.WaitAsync(s_limit, TestContext.Current.CancellationToken);
        Assert.Equal(end == "lifetime" ? "retry: 100\n\n" : "", stream.Read());
        Assert.Equal(0, stream.Streams.Open);
        LoggedLines.AssertQuiet(stream);

        async IAsyncEnumerable<SseItem<string>> SlowToCleanAsync([EnumeratorCancellation] CancellationToken cancellationToken)
        {
            try
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
                yield break;
            }
            finally
            {
                await CleanAsync();
            }
        }

        async Task CleanAsync()
        {
            cleaning.SetResult();
            await cleaned.Task;
            throw new InvalidOperationException("The save failed.");
        }
    }

    [Fact]
    public async Task Feed_that_never_lets_go_keeps_its_place_and_is_seen()
    {
        using var stream = new StreamHarness(new SseOptions { MaxStreams = 1 });
        var never = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Task run = stream.RunAsync((_, _) => StuckAsync());
        stream.LeaveAsClient();
        await Eventually.TrueAsync(() =>
        {
            stream.Time.Advance(s_second);
            return run.IsCompleted;
        });
        await run;
        Assert.InRange(stream.Time.Now, 30 * s_second, 600 * s_second);
        Assert.Equal(1, stream.Streams.Open);
        Assert.False(stream.Streams.TryEnter("test"));
        never.SetResult();
        await Eventually.TrueAsync(() => stream.Streams.Open == 0);

        async IAsyncEnumerable<SseItem<string>> StuckAsync()
        {
            await never.Task;
            yield break;
        }
    }

    [Fact]
    public async Task Feed_gets_its_token_by_either_way()
    {
        foreach (bool byDelegate in (bool[])[true, false])
        {
            using var stream = new StreamHarness();
            Task run = stream.RunAsync((_, cancellationToken) => byDelegate ? StreamHarness.SilentAsync(cancellationToken) : StreamHarness.SilentAsync(default));
            stream.LeaveAsClient();
            await run.WaitAsync(s_limit, TestContext.Current.CancellationToken);
            Assert.Equal(0, stream.Streams.Open);
        }
    }

    [Theory]
    [InlineData("request")]
    [InlineData("host")]
    public async Task Feed_that_sees_the_end_first_has_not_failed(string token)
    {
        using var stream = new StreamHarness();
        var source = new TaskCompletionSource(); // Continues inline: before the stream has heard of the end.
        Task run = stream.RunAsync((_, _) => ThrowsAsync());
        (token == "request" ? stream.Http.RequestAborted : stream.HostToken).Register(() => source.SetException(new TimeoutException("The database says so.")));
        Action end = token == "request" ? stream.LeaveAsClient : stream.CancelAsHost;
        stream.Time.Advance(0.5 * s_second);
        end();
        await stream.EndAsync(run).WaitAsync(s_limit, TestContext.Current.CancellationToken);
        LoggedLines.AssertQuiet(stream);
        LoggedLines.AssertEnd(stream, token == "request" ? "client_left" : "host_cancelled");

        async IAsyncEnumerable<SseItem<string>> ThrowsAsync()
        {
            await source.Task;
            yield break;
        }
    }

    [Fact]
    public async Task Clients_of_a_feed_that_keeps_failing_come_back_ever_more_slowly_and_the_log_is_not_flooded()
    {
        using var stream = new StreamHarness();
        var waits = new List<double>();
        for (int i = 0; i < 40; i++)
        {
            await stream.RunToEndAsync((_, _) => FailingAsync());
            waits.Add(LastRetry(stream));
        }

        // They fail in the same moment: no client has come back yet.
        Assert.All(waits, wait => Assert.InRange(wait, 1000, 5000));
        Assert.Equal(10, LoggedLines.Count(stream, LogLevel.Error));
        Assert.Equal(1, LoggedLines.Count(stream, LogLevel.Warning));

        waits.Clear();
        for (int i = 0; i < 12; i++)
        {
            stream.Time.Advance(TimeSpan.FromMilliseconds(waits.LastOrDefault(5000)));
            await stream.RunToEndAsync((_, _) => FailingAsync());
            waits.Add(LastRetry(stream));
        }

        Assert.InRange(waits[0], 2000, 10_000);
        Assert.InRange(waits[4], 32_000, 160_000);
        Assert.All(waits.Skip(8), wait => Assert.InRange(wait, 60_000, 300_000));

        await stream.RunToEndAsync((_, _) => new[] { new SseItem<string>("a") }.ToAsyncEnumerable());
        stream.Read();
        await stream.RunToEndAsync<string>((_, _) => throw new InvalidOperationException("no"));
        Assert.InRange(LastRetry(stream), 1000, 5000);
    }

    [Fact]
    public async Task Client_that_comes_back_to_the_end_of_a_feed_waits_longer_each_time()
    {
        using var stream = new StreamHarness();
        await stream.RunToEndAsync((_, _) => new[] { new SseItem<string>("a") { EventId = "1" } }.ToAsyncEnumerable());
        Assert.Equal("retry: 1000\n\ndata: a\nid: 1\n\n", stream.Read());
        stream.Http.Request.Headers["Last-Event-ID"] = "1";
        var waits = new List<double>();
        for (int i = 0; i < 6; i++)
        {
            await stream.RunToEndAsync((_, _) => new[] { SsePosition.At<string>("1") }.ToAsyncEnumerable()); // It says nothing new.
            waits.Add(LastRetry(stream));
            stream.Time.Advance(TimeSpan.FromMilliseconds(waits[i]));
        }

        Assert.InRange(waits[5], 32_000, 160_000);
        LoggedLines.AssertQuiet(stream);
    }

    [Fact]
    public async Task Stop_is_a_204_with_the_answer_to_other_origins()
    {
        using var stream = new StreamHarness();
        await new SseStopResult().ExecuteAsync(stream.Http);
        Assert.Equal(204, stream.Http.Response.StatusCode);
        Assert.Equal("*", stream.Http.Response.Headers.AccessControlAllowOrigin);
        Assert.Equal("no-store", stream.Http.Response.Headers.CacheControl);
    }

    [Theory]
    [InlineData("host_stopping")]
    [InlineData("host_cancelled")]
    [InlineData("feed_failed")]
    public async Task Stream_that_cannot_be_resumed_breaks_visibly(string end)
    {
        using var stream = new StreamHarness();
        var fail = new TaskCompletionSource();
        Task run = stream.RunAsync((_, cancellationToken) => AnswerAsync(cancellationToken), new SseStreamOptions { IsResumable = false });
        stream.Time.Advance(TimeSpan.FromHours(1)); // It is not renewed.
        Assert.False(run.IsCompleted);
        Action ending = end switch
        {
            "host_stopping" => stream.StopHost,
            "host_cancelled" => stream.CancelAsHost,
            _ => () => fail.SetException(new InvalidOperationException("no")),
        };
        ending();
        await stream.EndAsync(run).WaitAsync(s_limit, TestContext.Current.CancellationToken);
        Assert.True(stream.IsAborted);
        LoggedLines.AssertEnd(stream, end);

        async IAsyncEnumerable<SseItem<string>> AnswerAsync([EnumeratorCancellation] CancellationToken cancellationToken)
        {
            yield return new SseItem<string>("a");
            await fail.Task.WaitAsync(cancellationToken);
        }
    }

    [Fact]
    public async Task Stream_that_cannot_be_resumed_ends_well_with_its_feed()
    {
        using var stream = new StreamHarness();
        await stream.RunToEndAsync((_, _) => new[] { new SseItem<string>("[DONE]") }.ToAsyncEnumerable(), new SseStreamOptions { IsResumable = false });
        Assert.False(stream.IsAborted);
        Assert.Equal(":\n\ndata: [DONE]\n\n", stream.Read());
    }

    [Fact]
    public async Task Stream_that_cannot_be_resumed_has_nothing_but_comments_of_ours()
    {
        using var stream = new StreamHarness();
        Task run = stream.RunAsync(
            (_, cancellationToken) => StreamHarness.SilentAsync(cancellationToken),
            new SseStreamOptions { IsResumable = false, KeepAliveEvent = true, Padding = 3 });
        Assert.Equal(":\n\n:   \n\n", stream.Read());
        stream.Time.Advance(15 * s_second);
        Assert.Equal(":\n\n", stream.Read());
        stream.LeaveAsClient();
        await run;

        using var empty = new StreamHarness();
        await empty.RunAsync((_, _) => AsyncEnumerable.Empty<SseItem<string>>(), new SseStreamOptions { IsResumable = false }); // It is not held open.
        Assert.Equal(":\n\n", empty.Read());
        Assert.False(empty.IsAborted);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Answer_that_breaks_has_sent_what_it_had(bool yields)
    {
        using var stream = new StreamHarness();
        await stream.RunToEndAsync((_, _) => BreakingAsync(), new SseStreamOptions { IsResumable = false });
        Assert.True(stream.IsAborted);
        Assert.Equal(":\n\ndata: 1\n\ndata: 2\n\ndata: the error\n\n", stream.LastRead);
        LoggedLines.AssertEnd(stream, "feed_failed");

        async IAsyncEnumerable<SseItem<string>> BreakingAsync()
        {
            yield return new SseItem<string>("1");
            if (yields)
            {
                await Task.Yield();
            }

            yield return new SseItem<string>("2");
            yield return new SseItem<string>("the error");
            throw new InvalidOperationException("no");
        }
    }

    [Fact]
    public async Task Client_has_its_time_to_take_the_last_events_of_a_feed_that_has_ended()
    {
        using var stream = new StreamHarness(pauseWriterAt: 20);
        Task run = stream.RunAsync((_, _) => new[] { new SseItem<string>(new string('x', 100)) { EventId = "1" } }.ToAsyncEnumerable());
        await stream.TakeAsync("retry: 1000\n\n".Length);
        stream.Time.Advance(stream.Options.WriteTimeout - TimeSpan.FromTicks(1));
        Assert.False(stream.IsAborted);
        stream.Time.Advance(TimeSpan.FromTicks(1));
        Assert.True(stream.IsAborted);
        await run;
    }

    [Theory]
    [InlineData("feed_ended")]
    [InlineData("host_stopping")]
    public async Task Stream_that_ends_within_a_second_without_an_event_is_held_open_until_then(string end)
    {
        using var stream = new StreamHarness();
        Task run = stream.RunAsync((_, cancellationToken) => end == "feed_ended"
            ? new[] { SsePosition.At<string>("1") }.ToAsyncEnumerable()
            : StreamHarness.SilentAsync(cancellationToken));
        if (end == "host_stopping")
        {
            stream.StopHost();
        }

        string read = "";
        await Eventually.TrueAsync(() => Regex.IsMatch(read += stream.Read(), "^retry: 1000\n\n(event: .*\n\n)?retry: \\d{4}\n\n$", RegexOptions.Singleline));
        stream.Time.Advance(s_second - TimeSpan.FromTicks(1));
        Assert.False(run.IsCompleted);
        await stream.EndAsync(run);
        LoggedLines.AssertEnd(stream, end);
    }

    [Fact]
    public async Task Client_that_leaves_a_stream_that_is_held_open_is_not_waited_for()
    {
        using var stream = new StreamHarness();
        Task run = stream.RunAsync((_, _) => AsyncEnumerable.Empty<SseItem<string>>());
        await Eventually.TrueAsync(() => stream.Streams.Sweep.Count == 0 && stream.Time.NextDue <= s_second + CoalescingTimeProvider.MaxDelay);
        stream.LeaveAsClient();
        await run.WaitAsync(s_limit, TestContext.Current.CancellationToken);
        Assert.Equal(TimeSpan.Zero, stream.Time.Now);
    }

    [Theory]
    [InlineData(true, false, 0)]
    [InlineData(true, true, 1)]
    [InlineData(false, true, 0)]
    public async Task Events_without_ids_are_warned_of_once_where_they_are_needed(bool isResumable, bool isWithoutIds, int warnings)
    {
        using var stream = new StreamHarness();
        for (int i = 0; i < 2; i++)
        {
            SseItem<string>[] events = [new("a"), new("b") { EventId = isWithoutIds ? null : "1" }];
            await stream.RunToEndAsync((_, _) => events.ToAsyncEnumerable(), new SseStreamOptions { IsResumable = isResumable });
        }

        Assert.Equal(warnings, LoggedLines.Count(stream, LogLevel.Warning));
    }

    [Theory]
    [InlineData("lastEventId")]
    [InlineData("last_event_id")]
    public async Task Clients_of_a_failing_feed_come_back_ever_more_slowly_also_with_their_id_in_the_query(string name)
    {
        using var stream = new StreamHarness();
        var waits = new List<double>();
        for (int i = 0; i < 6; i++)
        {
            stream.Http.Request.QueryString = new QueryString($"?feed=a&{name}={i}");
            await stream.RunToEndAsync((_, _) => FailingAsync());
            waits.Add(LastRetry(stream));
            stream.Time.Advance(TimeSpan.FromMilliseconds(waits[i]));
        }

        Assert.InRange(waits[5], 32_000, 160_000);
        stream.Http.Request.QueryString = new QueryString("?feed=b");
        await stream.RunToEndAsync((_, _) => FailingAsync());
        Assert.InRange(LastRetry(stream), 1000, 5000);
    }

    [Fact]
    public async Task Events_that_are_there_at_once_are_gathered_and_none_is_lost()
    {
        using var stream = new StreamHarness();
        int flushes = 0;
        var body = new CountingBody(stream.Http.Response.BodyWriter, () => flushes++);
        stream.Http.Features.Set<Microsoft.AspNetCore.Http.Features.IHttpResponseBodyFeature>(body);
        await stream.RunToEndAsync((_, _) => Enumerable.Range(1, 10_000).Select(n => new SseItem<string>($"{n}")).ToAsyncEnumerable());
        Assert.Equal(10_000, Regex.Count(stream.Read(), "data: "));
        Assert.InRange(flushes, 5, 500);
    }

    [Fact]
    public async Task Event_of_a_feed_that_is_slow_without_waiting_is_not_held_back()
    {
        using var stream = new StreamHarness();
        var seen = new List<string>();
        await stream.RunToEndAsync((_, _) => Slow().ToAsyncEnumerable());
        Assert.Equal(["retry: 1000\n\n", "data: 0\n\n", "data: 1\n\n", "data: 2\n\n"], seen);

        IEnumerable<SseItem<string>> Slow()
        {
            for (int i = 0; i < 4; i++)
            {
                seen.Add(stream.Read());
                stream.Time.Jump(TimeSpan.FromMilliseconds(50));
                yield return new SseItem<string>($"{i}");
            }
        }
    }

    [Fact]
    public async Task Event_that_is_there_when_the_stream_ends_is_sent()
    {
        using var stream = new StreamHarness();
        await stream.RunToEndAsync((_, _) => Ending().ToAsyncEnumerable());
        Assert.Matches("^retry: 1000\n\ndata: a\n\ndata: b\n\nretry: \\d{4}\n\n$", stream.Read());
        LoggedLines.AssertEnd(stream, "host_stopping");

        IEnumerable<SseItem<string>> Ending()
        {
            yield return new SseItem<string>("a");
            stream.StopHost();
            yield return new SseItem<string>("b");
            yield return new SseItem<string>("This one is not asked for.");
        }
    }

    [Fact]
    public async Task Feed_that_has_ended_is_cancelled_too()
    {
        using var stream = new StreamHarness();
        CancellationToken token = default;
        await stream.RunToEndAsync((_, cancellationToken) =>
        {
            token = cancellationToken;
            return AsyncEnumerable.Empty<SseItem<string>>();
        });
        Assert.True(token.IsCancellationRequested);
    }

    [Fact]
    public async Task Feed_whose_cancellation_throws_is_not_disposed_of_while_it_moves()
    {
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        bool isClean = false;
        var reader = new SseFeedReader<string>((_, cancellationToken) => Feed(cancellationToken), null, new SseSignal());
        reader.StartNext();
        Task closed = reader.CloseAsync();
        Assert.False(closed.IsCompleted);
        release.SetResult();
        await Assert.ThrowsAsync<AggregateException>(() => closed.WaitAsync(s_limit, TestContext.Current.CancellationToken));
        Assert.True(isClean);

        async IAsyncEnumerable<SseItem<string>> Feed([EnumeratorCancellation] CancellationToken cancellationToken)
        {
            cancellationToken.Register(() => throw new InvalidOperationException("no"));
            try
            {
                await release.Task;
                yield return new SseItem<string>("a");
            }
            finally
            {
                isClean = true;
            }
        }
    }

    [Theory]
    [InlineData("opening", "sync", "client_left")]
    [InlineData("opening", "async", "client_left")]
    [InlineData("event", "sync", "client_left")]
    [InlineData("event", "async", "client_left")]
    [InlineData("event", "completed", "client_left")]
    [InlineData("opening", "fault", "failed")]
    [InlineData("event", "fault", "failed")]
    public async Task Flush_that_fails_has_lost_its_client_or_is_a_fault_of_the_server(string when, string how, string end)
    {
        using var stream = new StreamHarness();
        int flushes = 0;
        stream.Http.Features.Set<Microsoft.AspNetCore.Http.Features.IHttpResponseBodyFeature>(new CountingBody(stream.Http.Response.BodyWriter, () => flushes++)
        {
            Answer = () => flushes < (when == "opening" ? 1 : 2) ? null : how switch
            {
                "sync" => throw new IOException("gone"),
                "fault" => throw new InvalidOperationException("a fault"),
                "async" => Task.FromException<System.IO.Pipelines.FlushResult>(new IOException("gone")),
                _ => Task.FromResult(new System.IO.Pipelines.FlushResult(isCanceled: false, isCompleted: true)),
            },
        });
        await stream.RunToEndAsync(OnceAsync);
        Assert.Equal(0, stream.Streams.Open);
        Assert.Equal(end == "failed" ? 1 : 0, LoggedLines.Count(stream, LogLevel.Error));
        Assert.Equal(end == "failed", stream.IsAborted);
        LoggedLines.AssertEnd(stream, end);

        static async IAsyncEnumerable<SseItem<string>> OnceAsync(string? lastEventId, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            yield return new SseItem<string>("a");
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
        }
    }

    [Theory]
    [InlineData("feed")]
    [InlineData("enumerator")]
    [InlineData("move")]
    [InlineData("dispose")]
    public async Task Feed_may_throw_wherever_it_is_called(string where)
    {
        using var stream = new StreamHarness(new SseOptions { MaxStreams = 1 });
        await stream.RunToEndAsync((_, _) => where == "feed" ? throw new InvalidOperationException("no") : new ThrowingFeed(where));
        LoggedLines.AssertEnd(stream, where == "dispose" ? "feed_ended" : "feed_failed");
        Assert.Equal(where == "dispose" ? 0 : 1, LoggedLines.Count(stream, LogLevel.Error));
        Assert.Contains(stream.Logs.GetSnapshot(), entry => entry.Exception?.Message == "no");
        Assert.Equal(0, stream.Streams.Open);
    }

    [Fact]
    public async Task Position_is_an_event_of_its_own_with_an_id_and_no_data_of_the_feed()
    {
        using var stream = new StreamHarness();
        await stream.RunToEndAsync((_, _) => new[] { SsePosition.At<int>("7"), new SseItem<int>(0, "position") { EventId = "8" } }.ToAsyncEnumerable());
        Assert.Equal("retry: 1000\n\nevent: position\ndata: {}\nid: 7\n\nevent: position\ndata: 0\nid: 8\n\n", stream.Read());
    }

    [Fact]
    public async Task Retry_that_a_feed_sets_outlives_the_renewal()
    {
        using var stream = new StreamHarness();
        Task run = stream.RunAsync((_, cancellationToken) => OnceAsync(cancellationToken));
        stream.Time.Advance(stream.Options.MaxDuration);
        await run.WaitAsync(s_limit, TestContext.Current.CancellationToken);
        Assert.EndsWith("data: a\nretry: 30000\n\n", Regex.Replace(stream.Read(), "(?m)^:\n\n", ""), StringComparison.Ordinal);

        static async IAsyncEnumerable<SseItem<string>> OnceAsync([EnumeratorCancellation] CancellationToken cancellationToken)
        {
            yield return new SseItem<string>("a") { ReconnectionInterval = 30 * s_second };
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
        }
    }

    [Fact]
    public async Task Options_of_a_stream_hold_for_it_alone()
    {
        using var stream = new StreamHarness();
        var options = new SseStreamOptions { Retry = 2 * s_second, KeepAlive = 3 * s_second, KeepAliveEvent = true, MaxDuration = 10 * s_second, Padding = 100 };
        Task run = stream.RunAsync((_, cancellationToken) => StreamHarness.SilentAsync(cancellationToken), options);
        Assert.Equal($"retry: 2000\n\n:{new string(' ', 100)}\n\n", stream.Read());
        stream.Time.Advance(3 * s_second);
        Assert.Equal("event: keep-alive\ndata: {}\n\n", stream.Read());
        stream.Time.Advance(7 * s_second);
        await run.WaitAsync(s_limit, TestContext.Current.CancellationToken);
        Assert.Throws<ArgumentOutOfRangeException>(() => new SseStreamOptions { KeepAlive = TimeSpan.FromMinutes(4) });
        Assert.Throws<ArgumentException>(() => new SseStreamOptions { AllowedOrigins = ["example.com"] });
    }

    [Theory]
    [InlineData("é")]
    [InlineData(" 7")]
    [InlineData("7 ")]
    [InlineData("a\tb")]
    [InlineData("\u007f")]
    [InlineData(null)]
    public void Id_that_would_not_come_back_as_it_left_is_refused(string? id)
    {
        var writer = new SseStreamWriter(new System.IO.Pipelines.Pipe().Writer);
        Assert.Throws<ArgumentException>(() => writer.WriteEvent("a", eventId: id ?? new string('a', 1025)));
        Assert.Throws<ArgumentException>(() => writer.WriteEvent("a"u8, eventId: id ?? new string('a', 1025)));
    }

    private sealed class ThrowingFeed(string where) : IAsyncEnumerable<SseItem<string>>, IAsyncEnumerator<SseItem<string>>
    {
        public SseItem<string> Current => default;

        public IAsyncEnumerator<SseItem<string>> GetAsyncEnumerator(CancellationToken cancellationToken = default) => At("enumerator", this);

        public ValueTask<bool> MoveNextAsync() => new(At("move", false));

        public ValueTask DisposeAsync() => new(At("dispose", Task.CompletedTask));

        private TResult At<TResult>(string place, TResult result) => where == place ? throw new InvalidOperationException("no") : result;
    }

    // With an event, so that its stream is not held open.
    private static async IAsyncEnumerable<SseItem<string>> FailingAsync()
    {
        yield return new SseItem<string>("a") { EventId = "1" };
        await Task.Yield();
        throw new InvalidOperationException("no");
    }

    private static double LastRetry(StreamHarness stream) =>
        double.Parse(Regex.Match(stream.Read(), @"retry: (\d+)\n\n$").Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture);
}
