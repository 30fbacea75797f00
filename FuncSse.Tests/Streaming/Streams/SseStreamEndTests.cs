using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;

namespace FuncSse.Tests;

/// <summary>How a stream ends, and what a feed may do to it, on a clock that stands until the test moves it.</summary>
[Trait("Category", "Fast")]
public sealed class SseStreamEndTests
{
    private static readonly TimeSpan s_second = TimeSpan.FromSeconds(1);

    [Theory]
    [InlineData("client")]
    [InlineData("platform")]
    [InlineData("process")]
    public async Task Each_of_the_three_tokens_ends_the_stream_without_an_exception(string token)
    {
        using var stream = new StreamHarness();
        Task run = stream.RunCounterAsync();
        stream.Time.Advance(s_second);
        stream.Read();
        (string ending, string reason) = token switch
        {
            "client" => ("^$", "client_left"),
            "platform" => ("^retry: \\d{4}\n\n$", "host_cancelled"),
            _ => ("^retry: \\d{4}\n\n$", "host_stopping"),
        };
        Fire(stream, token);
        await run.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Assert.Matches(ending, stream.Read());
        Assert.False(stream.IsAborted);
        Assert.Equal(0, stream.Streams.Open);
        Assert.Contains(stream.Logs.GetSnapshot(), entry => entry.Level == LogLevel.Debug && entry.Message.EndsWith($"1 events: {reason}.", StringComparison.Ordinal));
        Assert.DoesNotContain(stream.Logs.GetSnapshot(), entry => entry.Level > LogLevel.Information);
    }

    [Theory]
    [InlineData("client")]
    [InlineData("platform")]
    [InlineData("process")]
    public async Task Token_that_fired_before_the_stream_opened_ends_it_at_once(string token)
    {
        using var stream = new StreamHarness();
        Fire(stream, token);
        bool isCalled = false;
        Task run = stream.RunAsync((_, _) =>
        {
            isCalled = true;
            return AsyncEnumerable.Empty<SseItem<string>>();
        });
        await Eventually.TrueAsync(() =>
        {
            stream.Time.Advance(TimeSpan.FromMilliseconds(1));
            return run.IsCompleted;
        });
        await run;
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
            Task run = stream.RunCounterAsync();
            stream.Time.Advance(TimeSpan.FromSeconds(239));
            Assert.Equal(1, stream.Streams.Open);
            while (!run.IsCompleted)
            {
                stream.Time.Advance(s_second);
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
    public async Task Feed_that_fails_ends_the_stream_and_is_logged_once()
    {
        using var stream = new StreamHarness();
        await stream.RunToEndAsync(FailingAsync);
        Assert.Matches("^retry: 1000\n\ndata: a\n\nretry: \\d{4}\n\n$", stream.Read());
        Assert.Equal(0, stream.Streams.Open);
        Assert.Single(stream.Logs.GetSnapshot(), entry => entry.Level == LogLevel.Error && entry.Exception?.Message == "no more");

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
        await stream.RunToEndAsync((_, _) => new[] { item }.ToAsyncEnumerable());
        Assert.Matches("^retry: 1000\n\nretry: \\d{4}\n\n$", stream.Read());
    }

    [Fact]
    public async Task Feed_that_ignores_its_cancellation_does_not_keep_the_stream()
    {
        using var stream = new StreamHarness();
        var never = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var disposed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Task run = stream.RunAsync((_, _) => StuckAsync());
        stream.StopHost();
        await Eventually.TrueAsync(() =>
        {
            stream.Time.Advance(TimeSpan.FromMilliseconds(100));
            return run.IsCompleted;
        });
        await run;
        Assert.InRange(stream.Time.Now, TimeSpan.FromMilliseconds(500), TimeSpan.FromMinutes(10));
        Assert.Contains(stream.Logs.GetSnapshot(), entry => entry.Level == LogLevel.Warning);
        Assert.False(disposed.Task.IsCompleted);
        never.SetResult();
        await disposed.Task;

        async IAsyncEnumerable<SseItem<string>> StuckAsync()
        {
            try
            {
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
        Task run = stream.RunAsync((_, cancellationToken) => StreamHarness.SilentAsync(cancellationToken));
        stream.Time.Advance(0.5 * s_second);
        stream.CancelAsHost();
        await stream.EndAsync(run);
        Assert.DoesNotContain(stream.Logs.GetSnapshot(), entry => entry.Level > LogLevel.Information);
    }

    [Fact]
    public async Task Feed_that_blocks_when_it_is_cancelled_does_not_keep_the_stream()
    {
        using var stream = new StreamHarness();
        using var release = new ManualResetEventSlim();
        Task run = stream.RunAsync((_, cancellationToken) =>
        {
            cancellationToken.Register(release.Wait);
            return StreamHarness.SilentAsync(cancellationToken);
        });
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

    private static void Fire(StreamHarness stream, string token)
    {
        Action fire = token switch
        {
            "client" => stream.LeaveAsClient,
            "platform" => stream.CancelAsHost,
            _ => stream.StopHost,
        };
        fire();
    }
}
