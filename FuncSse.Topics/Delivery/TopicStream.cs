using FuncSse.Streaming;
using Microsoft.AspNetCore.Http;

namespace FuncSse.Topics;

/// <summary>Sends the frames of a subscription, which are encoded already. Its keep-alives are position frames.</summary>
internal sealed class TopicStream(
    HttpContext http, StreamServices streams, SseStreamSettings settings, TopicHub hub, TopicSet topics, CancellationToken hostCancelled)
    : SseStream(http, streams, settings, hostCancelled)
{
    // The thread is given back after this number of frames without a wait.
    private const int MaxRun = 256;

    private TopicSubscription? _subscription;

    protected override async Task PumpAsync(string? lastEventId)
    {
        using TopicSubscription subscription = _subscription = hub.Subscribe(topics, lastEventId, Signal, TrySendNow);
        while (IsOpen)
        {
            for (int run = 1; IsOpen && subscription.TryRead(out ReadOnlyMemory<byte> frame, out TopicEvent? next); run++)
            {
                Writer.WriteFrame(frame);
                OnEventWritten(retry: null, isPosition: next is null);

                if (Writer.Unflushed >= SseStreamWriter.DataWindow)
                {
                    await FlushAsync();
                }

                if (run % MaxRun == 0)
                {
                    await Task.Yield();
                }
            }

            if (subscription.IsEnded && IsOpen)
            {
                // The hub has lost its position, so the streams of all clients end at the same time.
                TimeSpan retry = SseDelays.HostGone(Settings.Retry);
                Writer.WriteRetry(retry);
                OnEventWritten(retry, isPosition: true);
                EndByFeed(failure: null);
            }

            if (Writer.Unflushed > 0)
            {
                await FlushAsync();
            }

            if (IsOpen)
            {
                await Signal.WaitAsync();
                if (IsKeepAliveDue)
                {
                    WriteKeepAlive();
                    await FlushAsync();
                }
            }
        }
    }

    // The hub's reader calls this while the loop above waits and everything is flushed. A single event is sent without waking the loop and
    // without the server's response writer, which saves a tenth of the cost of an event.
    private bool TrySendNow()
    {
        if (!IsOpen || !_subscription!.TryRead(out ReadOnlyMemory<byte> frame, out TopicEvent? next))
        {
            return IsOpen;
        }

        if (next is not null && !_subscription.HasMore && frame.Length <= SseStreamWriter.DataWindow)
        {
            return TrySend(frame, next.Chunk);
        }

        Writer.WriteFrame(frame);
        OnEventWritten(retry: null, isPosition: next is null);
        return false;
    }

    protected override void CancelFeed() => _subscription?.Dispose();

    protected override Task CloseFeedAsync() => Task.CompletedTask;

    protected override void WriteKeepAlive()
    {
        if (_subscription!.PositionFrame() is { IsEmpty: false } frame)
        {
            Writer.WriteFrame(frame);
        }
        else
        {
            Writer.WriteComment(); // There is no position yet.
        }
    }
}
