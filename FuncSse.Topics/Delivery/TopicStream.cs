using FuncSse.Streaming;
using Microsoft.AspNetCore.Http;

namespace FuncSse.Topics;

/// <summary>Carries a subscription's frames, which are encoded already. Its keep-alive is the position up to which all is sent.</summary>
internal sealed class TopicStream(
    HttpContext http, StreamServices streams, SseStreamSettings settings, TopicHub hub, TopicSet topics, CancellationToken hostCancelled)
    : SseStream(http, streams, settings, hostCancelled)
{
    // Frames of missed events until other work gets the thread.
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

    // By the hub's reader while the loop above waits, and so has flushed everything: a single event goes out without waking the loop and past
    // the server's response writer, which is a tenth of what an event costs.
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
            Writer.WriteComment(); // The log has not answered yet.
        }
    }
}
