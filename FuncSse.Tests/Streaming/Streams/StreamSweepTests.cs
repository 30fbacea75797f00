using FuncSse.Streaming;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace FuncSse.Tests;

/// <summary>The times of many streams, which one timer checks.</summary>
[Trait("Category", "Fast")]
public sealed class StreamSweepTests
{
    private static readonly TimeSpan s_keepAlive = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Each_open_stream_is_checked_whichever_others_have_left()
    {
        const int Count = 40;
        using var stream = new StreamHarness();
        var random = new Random(7);
        CancellationTokenSource[] ends = [.. Enumerable.Range(0, Count).Select(_ => new CancellationTokenSource())];
        Task[] runs = [.. ends.Select(end => InlineContext.Run(() =>
            new SseStreamResult<string>((_, cancellationToken) => StreamHarness.SilentAsync(cancellationToken), end.Token).ExecuteAsync(stream.NewRequest())))];
        int[] leaving = [.. Enumerable.Range(0, Count).OrderBy(_ => random.Next()).Take(Count / 2)];
        foreach (int i in leaving)
        {
            await ends[i].CancelAsync();
            await Eventually.TrueAsync(() => stream.Streams.Sweep.Count == Count - Array.IndexOf(leaving, i) - 1);
        }

        stream.Read();
        stream.Time.Advance(s_keepAlive);
        Assert.Equal(string.Concat(Enumerable.Repeat(":\n\n", Count / 2)), stream.Read());

        stream.StopHost();
        await Eventually.TrueAsync(() => stream.Streams.Sweep.Count == 0);
        stream.Time.Advance(TimeSpan.FromSeconds(1)); // Streams without events are held open.
        await Task.WhenAll(runs).WaitAsync(s_limit, TestContext.Current.CancellationToken);
        Assert.Null(stream.Time.NextDue); // Nothing wakes a process without streams.
    }

    [Fact]
    public async Task Stream_that_is_opened_while_the_host_stops_ends()
    {
        using var stream = new StreamHarness();
        _ = stream.Streams;
        stream.StopHost();
        await stream.EndAsync(stream.RunAsync((_, cancellationToken) => StreamHarness.SilentAsync(cancellationToken)), TimeSpan.FromSeconds(1));
        LoggedLines.AssertEnd(stream, "host_stopping");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Handler_of_the_app_that_blocks_at_the_stop_does_not_hold_up_the_end(bool isFirst)
    {
        using var stream = new StreamHarness();
        using var ended = new ManualResetEventSlim();
        bool isInTime = false;
        CancellationToken stopping = ((IHostApplicationLifetime)stream).ApplicationStopping;
        void Register() => stopping.Register(() => isInTime = ended.Wait(s_limit));
        if (isFirst)
        {
            Register();
        }

        Task run = stream.RunAsync((_, cancellationToken) => StreamHarness.SilentAsync(cancellationToken));
        if (!isFirst)
        {
            Register();
        }

        Task stop = Task.Run(stream.StopHost, TestContext.Current.CancellationToken);
        await Eventually.TrueAsync(() => stopping.IsCancellationRequested);
        stream.Time.Advance(StreamSweep.MaxInterval);
        await stream.EndAsync(run, TimeSpan.FromSeconds(1));
        ended.Set();
        await stop.WaitAsync(s_limit, TestContext.Current.CancellationToken);
        Assert.True(isInTime);
        LoggedLines.AssertEnd(stream, "host_stopping");
    }

    [Fact]
    public async Task Client_whose_connection_hangs_as_it_is_dropped_holds_up_neither_the_sweep_nor_a_stop()
    {
        using var stream = new StreamHarness();
        using var release = new ManualResetEventSlim();
        DefaultHttpContext http = stream.NewRequest();
        var hanging = new HangingLifetime(release);
        http.Features.Set<IHttpRequestLifetimeFeature>(hanging);
        var watched = new SilentStream(stream, () => { });
        var watchdog = new SseWatchdog(watched, http, stream.Coalescing);
        watchdog.OnFlushPending();
        stream.Time.Jump(stream.Options.WriteTimeout);
        Task first = Task.Run(watchdog.Check, TestContext.Current.CancellationToken);
        await Eventually.TrueAsync(() => hanging.Aborts == 1);
        try
        {
            await Task.Run(
                () =>
                {
                    watchdog.Check();
                    watchdog.OnEnding();
                },
                TestContext.Current.CancellationToken).WaitAsync(s_limit / 3, TestContext.Current.CancellationToken);
            Assert.Equal(1, hanging.Aborts);
        }
        finally
        {
            release.Set();
        }

        await first.WaitAsync(s_limit, TestContext.Current.CancellationToken);
    }

    [Theory]
    [InlineData(100, 15_000, 100)] // A quarter of the shortest.
    [InlineData(15_000, 100, 100)]
    [InlineData(15_000, 15_000, 15_000)]
    public void Keep_alive_comes_at_its_time_beside_streams_of_other_times(int first, int second, int shortest)
    {
        using var stream = new StreamHarness();
        foreach (int keepAlive in (int[])[first, second])
        {
            _ = InlineContext.Run(() => new SseStreamResult<string>(
                (_, cancellationToken) => StreamHarness.SilentAsync(cancellationToken),
                options: new SseStreamOptions { KeepAlive = TimeSpan.FromMilliseconds(keepAlive) }).ExecuteAsync(stream.NewRequest()));
        }

        stream.Read();
        stream.Time.Advance(TimeSpan.FromMilliseconds(shortest - 1));
        Assert.Equal("", stream.Read());
        stream.Time.Advance(TimeSpan.FromMilliseconds(1) + CoalescingTimeProvider.MaxDelay);
        Assert.StartsWith(":\n\n", stream.Read(), StringComparison.Ordinal);
        stream.LeaveAsClient();
    }

    [Fact]
    public async Task Stream_that_blocks_the_sweep_does_not_hold_up_the_others()
    {
        using var time = new CoalescingTimeProvider(TimeProvider.System);
        using var stream = new StreamHarness(
            new SseOptions { KeepAlive = TimeSpan.FromMilliseconds(40) }, configure: services => services.AddSingleton(time));
        using var release = new ManualResetEventSlim();
        var free = new SilentStream(stream, () => { });
        var blocking = new SilentStream(stream, () => release.Wait(s_limit));
        Task[] runs = [free.RunAsync(null), blocking.RunAsync(null)]; // The sweep begins with the last.
        try
        {
            await Eventually.TrueAsync(() => blocking.Checks == 1);
            int before = free.Checks;
            await Eventually.TrueAsync(() => free.Checks > before + 2);
            Assert.Equal(1, blocking.Checks);
        }
        finally
        {
            release.Set();
            stream.LeaveAsClient();
        }

        await Task.WhenAll(runs).WaitAsync(s_limit, TestContext.Current.CancellationToken);
    }

    /// <summary>A stream that goes on, on the sweep's thread, whenever its keep-alive is due.</summary>
    private sealed class SilentStream(StreamHarness harness, Action onKeepAlive)
        : SseStream(harness.NewRequest(), harness.Streams, harness.Streams.Settings(null), CancellationToken.None)
    {
        private int _checks;

        public int Checks => Volatile.Read(ref _checks);

        protected override async Task PumpAsync(string? lastEventId)
        {
            while (IsOpen)
            {
                await Signal.WaitAsync();
                if (IsKeepAliveDue)
                {
                    Interlocked.Increment(ref _checks);
                    onKeepAlive();
                    Writer.WriteComment();
                    await FlushAsync();
                }
            }
        }

        protected override void CancelFeed()
        {
        }

        protected override Task CloseFeedAsync() => Task.CompletedTask;
    }

    private sealed class HangingLifetime(ManualResetEventSlim release) : IHttpRequestLifetimeFeature
    {
        private int _aborts;

        public int Aborts => Volatile.Read(ref _aborts);

        public CancellationToken RequestAborted { get; set; }

        public void Abort()
        {
            Interlocked.Increment(ref _aborts);
            release.Wait(s_limit);
        }
    }
}
