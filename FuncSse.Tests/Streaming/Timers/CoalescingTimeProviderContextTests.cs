using System.Diagnostics;
using System.Globalization;
using FuncSse.Streaming;

namespace FuncSse.Tests;

/// <summary>Each callback runs in a context of its own. The system's timers are the specification, so they run the same tests.</summary>
[Trait("Category", "Fast")]
public sealed class CoalescingTimeProviderContextTests
{
    private static readonly AsyncLocal<string?> s_tenant = new();

    public enum Timers
    {
        System,
        CoalescedOnThread,
        CoalescedOnPool,
    }

    [Theory]
    [InlineData(Timers.System)]
    [InlineData(Timers.CoalescedOnThread)]
    [InlineData(Timers.CoalescedOnPool)]
    public async Task Callback_runs_in_the_context_in_which_its_timer_was_made(Timers timers)
    {
        using var time = new ContextTime(timers);
        Seen[] made = [new("a"), new("b"), new("a")];
        Task<Seen>[] calls = [.. made.Select(context => time.CallAsync(context, isFlowSuppressed: false))];
        Assert.Equal(made, await Task.WhenAll(calls));
    }

    [Theory]
    [InlineData(Timers.System)]
    [InlineData(Timers.CoalescedOnThread)]
    [InlineData(Timers.CoalescedOnPool)]
    public async Task Callback_sees_the_default_context_where_flow_was_suppressed(Timers timers)
    {
        using var time = new ContextTime(timers);
        Task<Seen>[] calls = [.. Enumerable.Range(0, 3).Select(i => time.CallAsync(new Seen($"{i}"), isFlowSuppressed: true))];
        Assert.All(await Task.WhenAll(calls), seen => Assert.Equal(Seen.Nothing, seen));
    }

    [Theory]
    [InlineData(Timers.System)]
    [InlineData(Timers.CoalescedOnThread)]
    [InlineData(Timers.CoalescedOnPool)]
    public async Task Callback_sees_nothing_of_what_the_one_before_it_set(Timers timers)
    {
        using var time = new ContextTime(timers);
        for (int batch = 0; batch < 3; batch++)
        {
            var made = new Seen("a");
            Task<Seen>[] calls =
                [.. Enumerable.Range(0, 6).Select(i => time.CallAsync(made, isFlowSuppressed: i % 3 == 2, thenSet: new($"{i}")))];
            Seen[] seen = await Task.WhenAll(calls);
            Assert.All(seen.Index(), call => Assert.Equal(call.Index % 3 == 2 ? Seen.Nothing : made, call.Item));
        }
    }

    [Fact]
    public void Thread_that_moves_the_clock_keeps_its_own_context()
    {
        var clock = new ManualTimeProvider();
        using var time = new CoalescingTimeProvider(clock);
        s_tenant.Value = "other";
        using ITimer timer = time.CreateTimer(
            _ => new Seen("callback").Set(), null, TimeSpan.FromMilliseconds(1), Timeout.InfiniteTimeSpan);
        s_tenant.Value = "own";
        SynchronizationContext? own = SynchronizationContext.Current;
        clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal("own", s_tenant.Value);
        Assert.Same(own, SynchronizationContext.Current);
    }

    /// <summary>What of its context a callback can see.</summary>
    private sealed record Seen(string? Tenant, CultureInfo Culture, CultureInfo UICulture, Activity? Activity)
    {
        public static readonly Seen Nothing = new(null, CultureInfo.InvariantCulture, CultureInfo.InvariantCulture, null);

        public Seen(string tenant)
            : this(tenant, NewCulture(), NewCulture(), new Activity(tenant).Start())
        {
        }

        public bool HasSynchronizationContext { get; init; }

        public bool IsFlowSuppressed { get; init; }

        public static Seen Now() => new(
            s_tenant.Value, CultureInfo.CurrentCulture, CultureInfo.CurrentUICulture, Activity.Current)
        {
            HasSynchronizationContext = SynchronizationContext.Current is not null,
            IsFlowSuppressed = ExecutionContext.IsFlowSuppressed(),
        };

        public void SetFlowing()
        {
            s_tenant.Value = Tenant;
            (CultureInfo.CurrentCulture, CultureInfo.CurrentUICulture, Activity.Current) = (Culture, UICulture, Activity);
        }

        public void Set()
        {
            SetFlowing();
            SynchronizationContext.SetSynchronizationContext(new SynchronizationContext());
            ExecutionContext.SuppressFlow();
        }

        // Cultures are the same only by reference: the invariant globalization mode has no other names.
        public bool Equals(Seen? other) =>
            other is not null
            && Tenant == other.Tenant
            && ReferenceEquals(Culture, other.Culture)
            && ReferenceEquals(UICulture, other.UICulture)
            && Activity == other.Activity
            && HasSynchronizationContext == other.HasSynchronizationContext
            && IsFlowSuppressed == other.IsFlowSuppressed;

        public override int GetHashCode() => HashCode.Combine(Tenant, Activity);

        private static CultureInfo NewCulture() => (CultureInfo)CultureInfo.InvariantCulture.Clone();
    }

    private sealed class ContextTime : IDisposable
    {
        private readonly TimeProvider _time;
        private readonly List<ITimer> _timers = [];

        public ContextTime(Timers timers)
        {
            // A provider may be made in the middle of a request. That context is not for its callbacks either.
            s_tenant.Value = "maker of the provider";
            _time = timers switch
            {
                Timers.CoalescedOnThread => new CoalescingTimeProvider(TimeProvider.System),
                Timers.CoalescedOnPool => new CoalescingTimeProvider(new PoolTimeProvider()),
                _ => TimeProvider.System,
            };
        }

        public async Task<Seen> CallAsync(Seen made, bool isFlowSuppressed, Seen? thenSet = null)
        {
            // In an async method, so that the caller keeps its context.
            var seen = new TaskCompletionSource<Seen>(TaskCreationOptions.RunContinuationsAsynchronously);
            made.SetFlowing();
            AsyncFlowControl? flow = isFlowSuppressed ? ExecutionContext.SuppressFlow() : null;
            _timers.Add(_time.CreateTimer(
                _ =>
                {
                    var now = Seen.Now();
                    thenSet?.Set();
                    seen.TrySetResult(now);
                },
                null,
                TimeSpan.FromMilliseconds(10),
                Timeout.InfiniteTimeSpan));
            flow?.Undo();
            return await seen.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        }

        public void Dispose()
        {
            _timers.ForEach(timer => timer.Dispose());
            (_time as IDisposable)?.Dispose();
        }
    }

    // The system's time, but not TimeProvider.System itself, so that the batches run on its timers.
    private sealed class PoolTimeProvider : TimeProvider;
}
