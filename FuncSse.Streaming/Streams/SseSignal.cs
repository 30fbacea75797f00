using System.Threading.Tasks.Sources;

namespace FuncSse.Streaming;

/// <summary>
/// An auto-reset event for one waiter and any number of signallers, which allocates nothing. The waiter continues inside <see cref="Set"/>,
/// on the signaller's thread.
/// </summary>
/// <param name="isAsynchronous">Whether the waiter continues on a thread of the pool instead, because it may block.</param>
internal sealed class SseSignal(bool isAsynchronous = false) : IValueTaskSource
{
    private const int Idle = 0;
    private const int Waiting = 1;
    private const int IsSet = 2;
    private const int Held = 3;

    private ManualResetValueTaskSourceCore<bool> _core = new() { RunContinuationsAsynchronously = isAsynchronous };
    private int _state;

    public void Set()
    {
        if (Interlocked.Exchange(ref _state, IsSet) == Waiting)
        {
            _core.SetResult(true);
        }
    }

    /// <summary>Holds the waiter, if it waits. The caller may use what belongs to the waiter until <see cref="Release"/>.</summary>
    public bool TryHold() => Interlocked.CompareExchange(ref _state, Held, Waiting) == Waiting;

    /// <summary>Ends a hold. The waiter continues here if <paramref name="wake"/> is true, or if it was signalled meanwhile.</summary>
    public void Release(bool wake)
    {
        if (wake || Interlocked.CompareExchange(ref _state, Waiting, Held) != Held)
        {
            _core.SetResult(true);
        }
    }

    /// <summary>Ends a hold. The waiter continues here with an exception, and must not wait again.</summary>
    public void Fail(Exception exception) => _core.SetException(exception);

    public ValueTask WaitAsync()
    {
        _core.Reset();
        if (Interlocked.CompareExchange(ref _state, Waiting, Idle) == Idle)
        {
            return new ValueTask(this, _core.Version);
        }

        Interlocked.Exchange(ref _state, Idle);
        return ValueTask.CompletedTask;
    }

    void IValueTaskSource.GetResult(short token)
    {
        _core.GetResult(token);
        // The state is reset before the waiter looks at what was signalled, so that no later signal is lost.
        Interlocked.Exchange(ref _state, Idle);
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);
}
