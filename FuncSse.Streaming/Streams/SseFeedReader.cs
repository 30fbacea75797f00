using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;

namespace FuncSse.Streaming;

/// <summary>
/// Reads a feed one event at a time, and does not have to wait for it: the feed sets a signal when its next event is ready, and it can be
/// cancelled or left to finish by itself. Reading an event allocates nothing.
/// </summary>
/// <remarks>
/// The result may be read only after the continuation has run. A completed task is not enough: a feed that is asked for the next event
/// before it has called back for the previous one fails.
/// </remarks>
#pragma warning disable CA1001 // The token source needs no disposal, and may be cancelled a moment after the stream is over.
internal sealed class SseFeedReader<T>
#pragma warning restore CA1001
{
    private readonly CancellationTokenSource _end = new();
    private readonly IAsyncEnumerator<SseItem<T>> _events;
    private readonly SseSignal _signal;
    private readonly Action _onNextReady;
    private ValueTaskAwaiter<bool> _next;
    private bool _isNextPending;
    private bool _isNextReady;

    public SseFeedReader(SseFeed<T> feed, string? lastEventId, SseSignal signal)
    {
        // The token is passed twice, because a feed may take it as its argument or through EnumeratorCancellation.
        _events = feed(lastEventId, _end.Token).GetAsyncEnumerator(_end.Token);
        _signal = signal;
        _onNextReady = OnNextReady;
    }

    public SseItem<T> Current => _events.Current;

    public bool IsNextReady => Volatile.Read(ref _isNextReady);

    /// <summary>Asks for the next event. The signal is set, and <see cref="IsNextReady"/> is true, when the result can be read.</summary>
    public void StartNext()
    {
        _isNextReady = false;
#pragma warning disable CA2012 // GetResult consumes it, once.
        _next = _events.MoveNextAsync().GetAwaiter();
#pragma warning restore CA2012
        _isNextPending = true;
        if (_next.IsCompleted)
        {
            _isNextReady = true;
        }
        else
        {
            _next.UnsafeOnCompleted(_onNextReady);
        }
    }

    /// <summary>Whether there is a next event; throws what the feed has thrown.</summary>
    public bool GetResult()
    {
        _isNextPending = false;
        return _next.GetResult();
    }

    /// <summary>Cancels the feed. Its callbacks run on this thread, and may throw.</summary>
    public void Cancel() => _end.Cancel();

    /// <summary>Cancels the feed, waits until it has answered the last request for an event, and disposes of it.</summary>
    public async Task CloseAsync()
    {
        await using IAsyncEnumerator<SseItem<T>> events = _events;
        try
        {
            Cancel();
        }
        finally
        {
            // This is needed after a cancellation that threw, too: a feed may not be disposed of while it runs.
            if (_isNextPending)
            {
                while (!IsNextReady)
                {
                    await _signal.WaitAsync();
                }

                GetResult();
            }
        }
    }

    private void OnNextReady()
    {
        Volatile.Write(ref _isNextReady, true);
        _signal.Set();
    }
}
