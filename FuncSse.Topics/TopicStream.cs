using FuncSse.Streaming;
using Microsoft.AspNetCore.Http;

namespace FuncSse.Topics;

/// <summary>Carries a subscription's frames, which are encoded already. Its keep-alive is the position up to which all is sent.</summary>
internal sealed class TopicStream(
    HttpContext http, SseStreamRegistry registry, SseStreamSettings settings, TopicHub hub, TopicSet topics, CancellationToken hostCancelled)
    : SseStream(http, registry, settings, hostCancelled)
{
    // Frames of missed events until other work gets the thread.
    private const int MaxRun = 256;

    private TopicSubscription? _subscription;

    protected override async Task CarryAsync(string? lastEventId)
    {
        TopicSubscription subscription = _subscription = hub.Subscribe(topics, lastEventId, Signal);
        while (IsOpen)
        {
            for (int run = 1; IsOpen && subscription.TryRead(out ReadOnlyMemory<byte> frame, out bool isEvent); run++)
            {
                Writer.WriteFrame(frame);
                EventWritten(retry: null, isPosition: !isEvent);

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

    protected override void CancelFeed() => _subscription?.Dispose();

    protected override Task CloseFeedAsync()
    {
        CancelFeed();
        return Task.CompletedTask;
    }

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
