using FuncSse.Streaming;

namespace FuncSse.Tests;

[Trait("Category", "Fast")]
public sealed class SseSignalTests
{
    private readonly SseSignal _signal = new();

    [Fact]
    public void Nobody_is_held_who_does_not_wait()
    {
        Assert.False(_signal.TryHold());
        _signal.Set();
        Assert.False(_signal.TryHold());
        Assert.True(WaitAsync().IsCompletedSuccessfully);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void Who_is_held_goes_on_when_it_is_released_and_only_if_it_is_to(bool isSet, bool wake)
    {
        Task wait = WaitAsync();
        Assert.True(_signal.TryHold());
        Assert.False(_signal.TryHold());
        if (isSet)
        {
            _signal.Set();
        }

        Assert.False(wait.IsCompleted);
        _signal.Release(wake);
        Assert.Equal(isSet || wake, wait.IsCompleted);
        _signal.Set();
        Assert.True(wait.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task No_signal_is_lost_and_nobody_runs_beside_a_holder()
    {
        const int Rounds = 200_000;
        int given = 0, seen = 0, inside = 0;
        bool collided = false;
        Task waiter = Task.Run(async () =>
        {
            while (Volatile.Read(ref seen) < Rounds)
            {
                await _signal.WaitAsync();
                collided |= Interlocked.Increment(ref inside) != 1;
                Volatile.Write(ref seen, Volatile.Read(ref given));
                Interlocked.Decrement(ref inside);
            }
        }, TestContext.Current.CancellationToken);
        Task holder = Task.Run(() =>
        {
            for (int round = 0; !waiter.IsCompleted; round++)
            {
                if (_signal.TryHold())
                {
                    collided |= Interlocked.Increment(ref inside) != 1;
                    Interlocked.Decrement(ref inside);
                    _signal.Release(wake: round % 2 == 0);
                }
            }
        }, TestContext.Current.CancellationToken);
        for (int round = 0; round < Rounds; round++)
        {
            Interlocked.Increment(ref given);
            _signal.Set();
        }

        await Task.WhenAll(waiter, holder).WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        Assert.False(collided);
    }

    private async Task WaitAsync() => await _signal.WaitAsync();
}
