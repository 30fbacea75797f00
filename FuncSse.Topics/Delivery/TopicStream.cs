using FuncSse.Streaming;
using Microsoft.AspNetCore.Http;

namespace FuncSse.Topics;

/// <summary>Sends the frames of a subscription, which are encoded already. Its keep-alives are position frames.</summary>
internal sealed class TopicStream(
    HttpContext http,
    StreamServices streams,
    SseStreamSettings settings,
    TopicHub hub,
    TopicSet topics,
    TopicQuery query,
    TopicAuthorizationResult access,
    CancellationToken hostCancelled)
    : SseStream(http, streams, settings, hostCancelled)
{
    // The thread is given back after this number of frames without a wait.
    private const int MaxRun = 256;

    private TopicSubscription? _subscription;

    protected override async Task PumpAsync(string? lastEventId)
    {
        using TopicSubscription subscription = _subscription = hub.Subscribe(topics, lastEventId, Signal, TrySendNow, access);
        while (IsOpen)
        {
            for (int run = 1; IsOpen && subscription.TryRead(out TopicItem next); run++)
            {
                Write(next);

                if (Writer.Unflushed >= SseStreamWriter.DataWindow)
                {
                    await FlushAsync();
                }

                if (run % MaxRun == 0)
                {
                    await Task.Yield();
                }
            }

            if (subscription.IsRevoked && IsOpen)
            {
                EndByTicket();
            }
            else if (subscription.IsEnded && IsOpen)
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
        if (!IsOpen || !_subscription!.TryRead(out TopicItem next))
        {
            return IsOpen;
        }

        if (next.Event is { } single && !_subscription.HasMore)
        {
            if (!query.Accepts(single.Type))
            {
                return true;
            }

            byte[] chunk = single.Chunk(query.Envelope);
            ReadOnlyMemory<byte> frame = TopicEvent.FrameOf(chunk);
            if (frame.Length <= SseStreamWriter.DataWindow)
            {
                return TrySend(frame, chunk);
            }
        }

        Write(next);
        return false;
    }

    private void Write(TopicItem next)
    {
        if (Encode(next, query) is { IsEmpty: false } frame)
        {
            Writer.WriteFrame(frame);
            OnEventWritten(retry: null, isPosition: next is { Event: null, Value: null });
        }
    }

    /// <summary>The frame; empty for what the client does not want.</summary>
    internal static ReadOnlyMemory<byte> Encode(TopicItem next, TopicQuery query) => next switch
    {
        { Event: { } one } => query.Accepts(one.Type) ? TopicEvent.FrameOf(one.Chunk(query.Envelope)) : default,
        { Value: { } value } => query.Accepts(value.Type) ? TopicFrame.Value(value, query.Envelope) : default,
        // Without position frames, the id of the reset is what the client comes back with.
        { LossReason: { } reason } => TopicFrame.Reset(reason, query.Positions ? null : next.Position),
        _ => query.Positions ? TopicFrame.Position(next.Position!) : default,
    };

    protected override void CancelFeed() => _subscription?.Dispose();

    protected override Task CloseFeedAsync() => Task.CompletedTask;

    protected override void WriteKeepAlive()
    {
        if (query.Positions && _subscription!.FindPosition() is { } position)
        {
            Writer.WriteFrame(TopicFrame.Position(position));
        }
        else
        {
            Writer.WriteComment(); // There is no position yet, or the client wants none.
        }
    }
}
