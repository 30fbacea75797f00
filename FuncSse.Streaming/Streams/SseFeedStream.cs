using System.Net.ServerSentEvents;
using Microsoft.AspNetCore.Http;

namespace FuncSse.Streaming;

/// <summary>
/// Carries a feed's events: a loop that waits for the feed, for the keep-alive or for the end, whichever comes first. An event that was
/// waited for is flushed at once. Events that follow without a wait are gathered into one flush, and the thread is given back now and
/// then.
/// </summary>
internal sealed class SseFeedStream<T>(
    HttpContext http, SseStreamRegistry registry, SseStreamSettings settings, SseFeed<T> feed, CancellationToken hostCancelled)
    : SseStream(http, registry, settings, hostCancelled)
{
    // How many events may come without a wait, and for how long, until other work gets the thread.
    private const int MaxRun = 256;
    private static readonly TimeSpan MaxRunTime = TimeSpan.FromMilliseconds(10);

    // A feed that takes longer for an event works or blocks: what was gathered would be late.
    private static readonly TimeSpan MaxGap = TimeSpan.FromMilliseconds(1);

    private readonly SseJson<T>? _json = typeof(T) == typeof(string) ? null : registry.Json<T>(http.RequestServices);
    private SseFeedReader<T>? _reader;

    protected override async Task CarryAsync(string? lastEventId)
    {
        try
        {
            if (!IsOpen)
            {
                return;
            }

            SseFeedReader<T> reader = _reader = new SseFeedReader<T>(feed, lastEventId, Signal);
            int run = 0;
            long began = 0;
            for (long last = 0; IsOpen;)
            {
                reader.Move();
                bool isWaitedFor = !reader.HasMoved;
                if (isWaitedFor)
                {
                    run = 0;
                    if (Writer.Unflushed > 0)
                    {
                        await FlushAsync();
                    }

                    while (IsOpen && !reader.HasMoved)
                    {
                        await Signal.WaitAsync();
                        if (IsKeepAliveDue)
                        {
                            WriteKeepAlive();
                            await FlushAsync();
                        }
                    }

                    if (!reader.HasMoved)
                    {
                        return;
                    }
                }

                if (!reader.Take())
                {
                    FeedEnded(failure: null);
                    break;
                }

                if (!IsClientThere)
                {
                    return;
                }

                Write(reader.Current);
                if (isWaitedFor)
                {
                    await FlushAsync();
                    continue;
                }

                long now = Registry.Time.GetTimestamp();
                bool isSlow = Registry.Time.GetElapsedTime(last, now) > MaxGap;
                last = now;
                began = run++ == 0 ? now : began;
                bool isLong = run == MaxRun || Registry.Time.GetElapsedTime(began, now) > MaxRunTime;
                if (isSlow || isLong || Writer.Unflushed >= SseStreamWriter.DataWindow)
                {
                    await FlushAsync();
                }

                if (isLong)
                {
                    run = 0;
                    await Task.Yield();
                }
            }

            if (Writer.Unflushed > 0)
            {
                await FlushAsync();
            }
        }
        catch (Exception exception)
        {
            FeedEnded(exception);
        }
    }

    protected override void CancelFeed() => _reader?.Cancel();

    protected override Task CloseFeedAsync() => _reader?.CloseAsync() ?? Task.CompletedTask;

    private void Write(SseItem<T> item)
    {
        string? type = item.EventType == SseParser.EventTypeDefault ? null : item.EventType;
        bool isPosition = ReferenceEquals(item.EventType, SsePosition.Mark);
        if (isPosition || item.Data is null)
        {
            Writer.WriteEvent("", type, item.EventId, item.ReconnectionInterval);
        }
        else if (_json is null)
        {
            Writer.WriteEvent((string)(object)item.Data, type, item.EventId, item.ReconnectionInterval);
        }
        else
        {
            // Bytes are taken for text, as the framework takes them.
            Writer.WriteEvent(item.Data is byte[] bytes ? bytes : _json.Serialize(item.Data), type, item.EventId, item.ReconnectionInterval);
        }

        EventWritten(item.ReconnectionInterval, isPosition);
    }
}
