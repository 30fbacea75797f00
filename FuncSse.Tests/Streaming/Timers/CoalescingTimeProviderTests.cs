using System.Runtime.CompilerServices;
using FuncSse.Streaming;

namespace FuncSse.Tests;

[Trait("Category", "Fast")]
public sealed class CoalescingTimeProviderTests : IDisposable
{
    private static readonly TimeSpan s_millisecond = TimeSpan.FromMilliseconds(1);

    private readonly ManualTimeProvider _clock = new();
    private readonly CoalescingTimeProvider _time;
    private readonly List<TimeSpan> _calls = [];

    public CoalescingTimeProviderTests() => _time = new CoalescingTimeProvider(_clock);

    public void Dispose() => _time.Dispose();

    [Fact]
    public void Timer_is_called_when_it_is_due_and_once()
    {
        using ITimer timer = Create(10 * s_millisecond, Timeout.InfiniteTimeSpan);
        _clock.Advance(9 * s_millisecond);
        Assert.Empty(_calls);
        _clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal([10 * s_millisecond], _calls);
    }

    [Fact]
    public void Period_does_not_drift()
    {
        using ITimer timer = Create(s_millisecond * 1000, s_millisecond * 1000);
        using ITimer other = _time.CreateTimer(_ => { }, null, s_millisecond * 999, s_millisecond * 7);
        _clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal(3600, _calls.Count);
        Assert.All(_calls.Index(), call => Assert.InRange(call.Item - (call.Index + 1) * 1000 * s_millisecond, TimeSpan.Zero, CoalescingTimeProvider.MaxDelay));
    }

    [Fact]
    public void Missed_periods_are_left_out()
    {
        using ITimer timer = Create(s_millisecond * 10, s_millisecond * 10);
        _clock.Jump(s_millisecond * 35);
        _clock.Advance(s_millisecond * 15);
        Assert.Equal([35 * s_millisecond, 40 * s_millisecond, 50 * s_millisecond], _calls);
    }

    [Theory]
    [InlineData(1, 0, 0)]
    [InlineData(199, 0, 0)]
    [InlineData(300, 0, 2)]
    [InlineData(1000, 0, 7)]
    [InlineData(3_600_000, 0, 7)]
    [InlineData(3, 1, 0)]
    [InlineData(1000, 250, 1)]
    public void Timer_is_late_by_a_hundredth_of_its_wait_and_eight_milliseconds_at_most(int due, int period, int late)
    {
        for (int start = 1; start <= 10; start++)
        {
            _calls.Clear();
            _clock.Advance(s_millisecond);
            TimeSpan set = _clock.Now;
            using ITimer timer = Create(s_millisecond * due, period > 0 ? s_millisecond * period : Timeout.InfiniteTimeSpan);
            _clock.Advance(s_millisecond * (due + late + 10 * period));
            Assert.Equal(period > 0 ? 11 : 1, _calls.Count);
            Assert.All(_calls.Index(), call =>
                Assert.InRange(call.Item - set - s_millisecond * (due + call.Index * period), TimeSpan.Zero, s_millisecond * late));
        }
    }

    [Fact]
    public void Period_is_kept_exactly()
    {
        _clock.Advance(s_millisecond * 3);
        using ITimer timer = Create(s_millisecond * 1000, s_millisecond * 1000);
        _clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(59, _calls.Count);
        Assert.All(_calls.Zip(_calls.Skip(1)), pair => Assert.Equal(s_millisecond * 1000, pair.Second - pair.First));
    }

    [Fact]
    public void Period_with_a_fraction_of_a_millisecond_does_not_drift()
    {
        TimeSpan period = TimeSpan.FromTicks(333_333); // 33.3333 ms
        using ITimer timer = Create(period, period);
        _clock.Advance(period * 1000 + s_millisecond);
        Assert.Equal(1000, _calls.Count);
        Assert.All(_calls.Index(), call => Assert.InRange(call.Item - (call.Index + 1) * period, TimeSpan.Zero, s_millisecond));
    }

    [Fact]
    public void What_is_due_within_a_few_milliseconds_is_called_in_one_batch()
    {
        int batches = 0;
        var clock = new CountingTimeProvider(_clock, () => batches++);
        using var time = new CoalescingTimeProvider(clock);
        var timers = new List<ITimer>();
        int calls = 0;
        for (int i = 0; i < 1_000; i++)
        {
            timers.Add(time.CreateTimer(_ => calls++, null, s_millisecond * (1 + i), s_millisecond * 1000));
        }

        _clock.Advance(TimeSpan.FromSeconds(10));
        timers.ForEach(timer => timer.Dispose());
        Assert.InRange(calls, 9_900, 10_000);
        Assert.InRange(batches, 1, 1_250);
    }

    [Fact]
    public void Timer_can_be_set_anew_and_stopped()
    {
        using ITimer timer = Create(10 * s_millisecond, Timeout.InfiniteTimeSpan);
        Assert.True(timer.Change(20 * s_millisecond, Timeout.InfiniteTimeSpan));
        _clock.Advance(15 * s_millisecond);
        Assert.Empty(_calls);
        _clock.Advance(5 * s_millisecond);
        Assert.Single(_calls);
        timer.Change(5 * s_millisecond, Timeout.InfiniteTimeSpan);
        timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        timer.Change(30 * s_millisecond, Timeout.InfiniteTimeSpan);
        timer.Dispose();
        Assert.False(timer.Change(s_millisecond, s_millisecond));
        _clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Single(_calls);
    }

    [Fact]
    public void Timer_that_becomes_due_earlier_than_all_others_is_called_in_time()
    {
        using ITimer late = _time.CreateTimer(_ => { }, null, TimeSpan.FromMinutes(1), Timeout.InfiniteTimeSpan);
        using ITimer early = Create(s_millisecond, Timeout.InfiniteTimeSpan);
        _clock.Advance(s_millisecond);
        Assert.Single(_calls);
    }

    [Fact]
    public void Disposed_timers_are_forgotten_long_before_they_would_be_due()
    {
        (ITimer timer, WeakReference state) = CreateDisposed();
        GC.Collect();
        Assert.False(state.IsAlive);
        Assert.False(timer.Change(s_millisecond, s_millisecond));

        // Not inlined, so that nothing of it is left on the stack.
        [MethodImpl(MethodImplOptions.NoInlining)]
        (ITimer, WeakReference) CreateDisposed()
        {
            object state = new();
            ITimer timer = _time.CreateTimer(_ => { }, state, TimeSpan.FromHours(1), Timeout.InfiniteTimeSpan);
            timer.Dispose();
            return (timer, new WeakReference(state));
        }
    }

    [Fact]
    public async Task Callback_that_blocks_holds_up_no_other()
    {
        using var time = new CoalescingTimeProvider(TimeProvider.System);
        using var release = new ManualResetEventSlim();
        var other = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            using ITimer blocking = time.CreateTimer(_ => release.Wait(), null, s_millisecond * 5, Timeout.InfiniteTimeSpan);
            using ITimer free = time.CreateTimer(_ => other.TrySetResult(), null, s_millisecond * 5, Timeout.InfiniteTimeSpan);
            await other.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        }
        finally
        {
            release.Set();
        }
    }

    [Fact]
    public async Task Timers_are_called_while_callbacks_block_one_after_another()
    {
        using var time = new CoalescingTimeProvider(TimeProvider.System);
        using var second = new ManualResetEventSlim();
        using var release = new ManualResetEventSlim();
        using ITimer far = time.CreateTimer(_ => { }, null, TimeSpan.FromHours(1), Timeout.InfiniteTimeSpan);
        using ITimer blocksFirst = time.CreateTimer(_ => second.Wait(), null, s_millisecond * 5, Timeout.InfiniteTimeSpan);
        using ITimer blocksThen = time.CreateTimer(
            _ =>
            {
                second.Set();
                release.Wait();
            },
            null,
            s_millisecond * 5,
            Timeout.InfiniteTimeSpan);
        try
        {
            for (int i = 0; i < 20; i++)
            {
                await Task.Delay(s_millisecond * 10, time, TestContext.Current.CancellationToken)
                    .WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
            }
        }
        finally
        {
            second.Set();
            release.Set();
        }
    }

    [Fact]
    public async Task Real_timers_are_never_early()
    {
        using var time = new CoalescingTimeProvider(TimeProvider.System);
        for (int i = 1; i <= 20; i++)
        {
            TimeSpan wait = s_millisecond * i;
            long start = time.GetTimestamp();
            await Task.Delay(wait, time, TestContext.Current.CancellationToken);
            Assert.True(time.GetElapsedTime(start) >= wait);
        }
    }

    private ITimer Create(TimeSpan due, TimeSpan period) => _time.CreateTimer(_ => _calls.Add(_clock.Now), null, due, period);

    private sealed class CountingTimeProvider(ManualTimeProvider inner, Action onFire) : TimeProvider
    {
        public override long TimestampFrequency => inner.TimestampFrequency;

        public override long GetTimestamp() => inner.GetTimestamp();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            inner.CreateTimer(
                state =>
                {
                    onFire();
                    callback(state);
                },
                state,
                dueTime,
                period);
    }

    [Fact]
    public async Task Timer_that_was_disposed_asynchronously_is_called_no_more()
    {
        var clock = new ManualTimeProvider();
        using var time = new CoalescingTimeProvider(clock);
        int calls = 0;
        ITimer timer = time.CreateTimer(_ => calls++, null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
        await timer.DisposeAsync();
        clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(0, calls);
        Assert.False(timer.Change(TimeSpan.Zero, TimeSpan.Zero));
    }
}
