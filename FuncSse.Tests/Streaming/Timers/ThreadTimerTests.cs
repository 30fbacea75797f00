using System.Collections.Concurrent;
using System.Diagnostics;
using FuncSse.Streaming;

namespace FuncSse.Tests;

public sealed class ThreadTimerTests : IDisposable
{
    private static readonly TimeSpan s_millisecond = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    private readonly CoalescingTimeProvider _time = new(TimeProvider.System);
    private readonly List<ITimer> _timers = [];
    private readonly ConcurrentDictionary<Thread, int> _threads = new();
    private readonly ManualResetEventSlim _release = new();

    public void Dispose()
    {
        _release.Set();
        _timers.ForEach(timer => timer.Dispose());
        _time.Dispose();
    }

    [Fact]
    public async Task Overload_adds_no_threads_and_disposal_ends_those_that_there_are()
    {
        int calls = 0;
        for (int i = 0; i < 8; i++)
        {
            Create(
                () =>
                {
                    Interlocked.Increment(ref calls);
                    Thread.Sleep(100);
                },
                s_millisecond * 8,
                s_millisecond * 8);
        }

        await Eventually.TrueAsync(() => calls >= 40);
        Assert.Equal(ThreadTimer.MaxThreads, _threads.Count);
        Assert.All(_threads.Keys, thread => Assert.Equal("FuncSse timer", thread.Name));
        _time.Dispose();
        Assert.All(_threads.Keys, thread => Assert.True(thread.Join(s_limit)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Callback_that_never_returns_makes_no_other_late_for_long(bool haveAllThreadsStarted)
    {
        if (haveAllThreadsStarted)
        {
            using var all = new Barrier(ThreadTimer.MaxThreads);
            for (int i = 0; i < ThreadTimer.MaxThreads; i++)
            {
                Create(() => all.SignalAndWait(s_limit), s_millisecond * 5);
            }

            await Eventually.TrueAsync(() => all.CurrentPhaseNumber == 1);
            await Task.Delay(50, TestContext.Current.CancellationToken); // All of them sleep again.
        }

        for (int blocked = 1; blocked < ThreadTimer.MaxThreads; blocked++)
        {
            using var isBlocked = new ManualResetEventSlim();
            Create(
                () =>
                {
                    isBlocked.Set();
                    _release.Wait();
                },
                s_millisecond * 5);
            Assert.True(isBlocked.Wait(s_limit, TestContext.Current.CancellationToken));
            // Only this one may be late: it waits for the takeover.
            await DelayAsync(s_millisecond);
            TimeSpan[] lateness = new TimeSpan[20];
            for (int i = 0; i < lateness.Length; i++)
            {
                long start = Stopwatch.GetTimestamp();
                await DelayAsync(s_millisecond * 10);
                lateness[i] = Stopwatch.GetElapsedTime(start) - s_millisecond * 10;
            }

            // The median, since the machine itself may be busy.
            Assert.InRange(lateness.Order().ElementAt(lateness.Length / 2), TimeSpan.Zero, ThreadTimer.TakeoverDelay / 2);
        }
    }

    [Fact]
    public async Task All_that_is_due_is_called_once_one_of_the_blocked_callbacks_returns()
    {
        using var returnsFirst = new ManualResetEventSlim();
        int blocked = 0;
        for (int i = 0; i < ThreadTimer.MaxThreads; i++)
        {
            ManualResetEventSlim waitsFor = i == 1 ? returnsFirst : _release;
            Create(
                () =>
                {
                    Interlocked.Increment(ref blocked);
                    waitsFor.Wait();
                },
                s_millisecond * 5);
        }

        await Eventually.TrueAsync(() => blocked == ThreadTimer.MaxThreads);
        int called = 0;
        for (int i = 0; i < 100; i++)
        {
            Create(() => Interlocked.Increment(ref called), s_millisecond * (1 + i % 20));
        }

        await Task.Delay(100, TestContext.Current.CancellationToken);
        Assert.Equal(0, called);
        returnsFirst.Set();
        await Eventually.TrueAsync(() => called == 100);
        Assert.Equal(ThreadTimer.MaxThreads, _threads.Count);

        // All of them sleep, none until a time.
        _release.Set();
        await Task.Delay(50, TestContext.Current.CancellationToken);
        _time.Dispose();
        Assert.All(_threads.Keys, thread => Assert.True(thread.Join(s_limit)));
    }

    [Fact]
    public async Task Standby_wakes_in_time_though_it_went_to_sleep_for_a_later_one()
    {
        ThreadTimer timer = null!;
        int calls = 0;
        var called = new SemaphoreSlim(0);
        timer = new ThreadTimer(() =>
        {
            int call = Interlocked.Increment(ref calls);
            if (call < 3)
            {
                timer.Change(call == 1 ? 4 * ThreadTimer.TakeoverDelay : s_millisecond, Timeout.InfiniteTimeSpan);
            }

            called.Release();
            if (call == 2)
            {
                _release.Wait();
            }
        });
        using ThreadTimer _ = timer;

        // The worker sleeps for what the first call set. The standby wakes earlier, and by then the time is an hour away.
        timer.Change(s_millisecond, Timeout.InfiniteTimeSpan);
        Assert.True(await called.WaitAsync(s_limit, TestContext.Current.CancellationToken));
        timer.Change(TimeSpan.FromHours(1), Timeout.InfiniteTimeSpan);
        await Task.Delay(2 * ThreadTimer.TakeoverDelay, TestContext.Current.CancellationToken);

        // The worker wakes before this time anyway. It blocks in the second call, so the third is for the standby.
        timer.Change(4 * ThreadTimer.TakeoverDelay, Timeout.InfiniteTimeSpan);
        Assert.True(await called.WaitAsync(s_limit, TestContext.Current.CancellationToken));
        Assert.True(await called.WaitAsync(s_limit, TestContext.Current.CancellationToken));
        _release.Set();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task No_wake_up_is_lost_whoever_sets_the_time_meanwhile(int blocked)
    {
        for (int i = 0; i < blocked; i++)
        {
            Create(_release.Wait, s_millisecond);
        }

        long end = Stopwatch.GetTimestamp() + 3 * Stopwatch.Frequency / 2;
        await Task.WhenAll(Enumerable.Range(0, 4).Select(seed => Task.Run(
            async () =>
            {
                var random = new Random(seed);
                TaskCompletionSource called = new();
                ITimer timer = _time.CreateTimer(_ => called.TrySetResult(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
                await using var _ = timer;
                while (Stopwatch.GetTimestamp() < end)
                {
                    Volatile.Write(ref called, new(TaskCreationOptions.RunContinuationsAsynchronously));
                    for (int i = random.Next(8); i >= 0; i--)
                    {
                        TimeSpan due = random.Next(4) == 0 ? Timeout.InfiniteTimeSpan : s_millisecond * random.Next(20);
                        timer.Change(due, Timeout.InfiniteTimeSpan);
                        Thread.SpinWait(random.Next(2_000));
                    }

                    timer.Change(s_millisecond * random.Next(3), Timeout.InfiniteTimeSpan);
                    await called.Task.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
                }
            },
            TestContext.Current.CancellationToken)));
    }

    private void Create(Action call, TimeSpan due, TimeSpan? period = null) => _timers.Add(_time.CreateTimer(
        _ =>
        {
            _threads.TryAdd(Thread.CurrentThread, 0);
            call();
        },
        null,
        due,
        period ?? Timeout.InfiniteTimeSpan));

    private Task DelayAsync(TimeSpan delay) =>
        Task.Delay(delay, _time, TestContext.Current.CancellationToken).WaitAsync(s_limit, TestContext.Current.CancellationToken);
}
