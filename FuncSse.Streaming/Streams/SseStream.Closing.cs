namespace FuncSse.Streaming;

internal abstract partial class SseStream
{
    private async Task CloseAsync()
    {
        await _ending.WaitForFeedAsync(CloseFeedAsync);
        if (_ending.Reason == SseStreamEnd.Failed)
        {
            _http.Abort();
            return;
        }

        if (!CanSend || _ending.ClientLeft.IsCancellationRequested)
        {
            return;
        }

        _ending.RestartGrace(); // The feed may have taken its time.
        if (!Settings.IsResumable)
        {
            await CloseAnswerAsync();
            return;
        }

        if (_ending.Reason == SseStreamEnd.TicketExpired)
        {
            Writer.WriteEvent("{}", "expired"); // No retry is sent: a client that returns is refused.
        }
        else if (_ending.LastRetry(_output.Events, _output.FeedRetry) is { } retry)
        {
            Writer.WriteRetry(retry);
        }

        await FlushLastAsync();
        if (!HasEvents)
        {
            await SseStreamEnding.HoldAsync(_http, Services, _output.Duration);
        }
    }

    // A clean end would make a part of an answer look like the whole.
    private async Task CloseAnswerAsync()
    {
        await FlushLastAsync();
        if (_ending.Reason != SseStreamEnd.FeedEnded)
        {
            await _ending.BreakAsync(Settings.WriteTimeout);
        }
    }

    private async ValueTask FlushLastAsync()
    {
        if (Writer.Unflushed > 0)
        {
            await FlushAsync();
        }

        Services.Sweep.Remove(this); // No time counts any more.
    }

    // The pump continues and the feed is cancelled on another thread: whatever a feed does must not hold up the caller, which ends the stream.
    private void End(SseStreamEnd reason)
    {
        if (!_ending.TryEnd(reason))
        {
            _watchdog.OnEnding();
        }
        else
        {
            ThreadPool.UnsafeQueueUserWorkItem(
                static self =>
                {
                    self.Signal.Set();
                    try
                    {
                        self.CancelFeed();
                    }
                    catch (AggregateException exception)
                    {
                        self._ending.LogLate(exception);
                    }
                },
                this,
                preferLocal: false);
        }
    }
}
