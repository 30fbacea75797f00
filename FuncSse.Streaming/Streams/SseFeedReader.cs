using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;

namespace FuncSse.Streaming;

/// <summary>
/// Reads a feed one event at a time without being bound to wait for it: the feed sets a signal when it has moved, can be cancelled, and can
/// be left to finish by itself. It allocates nothing for an event.
/// </summary>
/// <remarks>
/// The result of a move may be taken only once its continuation has run. Its being completed is not enough: a feed that is asked for
/// the next event before it has called back for the last loses its way.
/// </remarks>
#pragma warning disable CA1001 // The token source is not disposed of: it holds nothing, and may be cancelled a moment after the stream is over.
internal sealed class SseFeedReader<T>
#pragma warning restore CA1001
{
    private readonly CancellationTokenSource _end = new();
    private readonly IAsyncEnumerator<SseItem<T>> _events;
    private readonly SseSignal _signal;
    private readonly Action _onMoved;
    private ValueTaskAwaiter<bool> _next;
    private bool _isMoving;
    private bool _hasMoved;

    public SseFeedReader(SseFeed<T> feed, string? lastEventId, SseSignal signal)
    {
        // The token twice: a feed that does not take it as the delegate gives it has it from here (EnumeratorCancellation).
        _events = feed(lastEventId, _end.Token).GetAsyncEnumerator(_end.Token);
        _signal = signal;
        _onMoved = OnMoved;
    }

    public SseItem<T> Current => _events.Current;

    public bool HasMoved => Volatile.Read(ref _hasMoved);

    /// <summary>Asks for the next event. <see cref="HasMoved"/> says when it can be taken, after the signal.</summary>
    public void Move()
    {
        _hasMoved = false;
#pragma warning disable CA2012 // Consumed once all the same, by Take.
        _next = _events.MoveNextAsync().GetAwaiter();
#pragma warning restore CA2012
        _isMoving = true;
        if (_next.IsCompleted)
        {
            _hasMoved = true;
        }
        else
        {
            _next.UnsafeOnCompleted(_onMoved);
        }
    }

    /// <summary>Takes the result of the move: whether there is an event.</summary>
    public bool Take()
    {
        _isMoving = false;
        return _next.GetResult();
    }

    /// <summary>Cancels the feed. What it does about that runs here, and may throw.</summary>
    public void Cancel() => _end.Cancel();

    /// <summary>Cancels the feed, waits until it has moved, whatever it says then, and disposes of it.</summary>
    public async Task CloseAsync()
    {
        await using IAsyncEnumerator<SseItem<T>> events = _events;
        try
        {
            Cancel();
        }
        finally
        {
            // Also after a cancellation that threw: a feed may not be disposed of while it moves.
            if (_isMoving)
            {
                while (!HasMoved)
                {
                    await _signal.WaitAsync();
                }

                Take();
            }
        }
    }

    private void OnMoved()
    {
        Volatile.Write(ref _hasMoved, true);
        _signal.Set();
    }
}
