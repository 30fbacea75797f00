using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;

namespace FuncSse.Streaming;

/// <summary>
/// Reads a feed an event at a time without being bound to wait for it: the feed sets a signal when it has moved, and can be left to
/// finish by itself. It allocates nothing for an event.
/// </summary>
/// <remarks>
/// The result of a move may be taken only once its continuation has run. Its being completed is not enough: a feed that is asked for
/// the next event before it has called back for the last loses its way.
/// </remarks>
internal sealed class SseFeedReader<T>
{
    private readonly IAsyncEnumerator<SseItem<T>> _events;
    private readonly SseSignal _signal;
    private readonly Action _onMoved;
    private ValueTaskAwaiter<bool> _next;
    private bool _isMoving;
    private bool _hasMoved;

    public SseFeedReader(IAsyncEnumerable<SseItem<T>> feed, SseSignal signal)
    {
        _events = feed.GetAsyncEnumerator(CancellationToken.None); // It has its token already.
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

    /// <summary>Waits until the feed has moved, whatever it says then, and disposes of it.</summary>
    public async Task CloseAsync()
    {
        try
        {
            if (_isMoving)
            {
                while (!HasMoved)
                {
                    await _signal.WaitAsync();
                }

                Take();
            }
        }
        finally
        {
            await _events.DisposeAsync();
        }
    }

    private void OnMoved()
    {
        Volatile.Write(ref _hasMoved, true);
        _signal.Set();
    }
}
