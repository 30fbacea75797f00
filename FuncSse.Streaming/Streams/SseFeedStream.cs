using System.Net.ServerSentEvents;
using Microsoft.AspNetCore.Http;

namespace FuncSse.Streaming;

/// <summary>
/// Sends a feed's events. Its loop waits for the feed, for the keep-alive or for the end, whichever comes first. An event that the loop
/// waited for is flushed at once. Events that follow without a wait share a flush, and the loop returns its thread from time to time.
/// </summary>
internal sealed class SseFeedStream<T>(
    HttpContext http, StreamServices services, SseStreamSettings settings, SseFeed<T> feed, CancellationToken hostCancelled)
    : SseStream(http, services, settings, hostCancelled)
{
    // The limits of a run of events without a wait. After it, other work gets the thread.
    private const int MaxRun = 256;
    private static readonly TimeSpan s_maxRunTime = TimeSpan.FromMilliseconds(10);

    // A feed that takes longer than this for an event works or blocks, so what was gathered is flushed first.
    private static readonly TimeSpan s_maxGap = TimeSpan.FromMilliseconds(1);

    private readonly SseJson<T>? _json = typeof(T) == typeof(string) ? null : services.Json<T>(http.RequestServices);
    private SseFeedReader<T>? _reader;
    private bool _hasId;

    protected override async Task PumpAsync(string? lastEventId)
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
                reader.StartNext();
                bool isWaitedFor = !reader.IsNextReady;
                if (isWaitedFor)
                {
                    run = 0;
                    if (Writer.Unflushed > 0)
                    {
                        await FlushAsync();
                    }

                    while (IsOpen && !reader.IsNextReady)
                    {
                        await Signal.WaitAsync();
                        if (IsKeepAliveDue)
                        {
                            WriteKeepAlive();
                            await FlushAsync();
                        }
                    }

                    if (!reader.IsNextReady)
                    {
                        return;
                    }
                }

                if (!reader.GetResult())
                {
                    EndByFeed(failure: null);
                    break;
                }

                if (!CanSend)
                {
                    return;
                }

                Write(reader.Current);
                if (isWaitedFor)
                {
                    await FlushAsync();
                    continue;
                }

                long now = Services.Time.GetTimestamp();
                bool isSlow = Services.Time.GetElapsedTime(last, now) > s_maxGap;
                last = now;
                began = run++ == 0 ? now : began;
                bool isLong = run == MaxRun || Services.Time.GetElapsedTime(began, now) > s_maxRunTime;
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
            EndByFeed(exception);
        }
        finally
        {
            if (Settings.IsResumable && HasEvents && !_hasId)
            {
                Services.WarnOfMissingIds();
            }
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
            Writer.WriteEvent(isPosition ? "{}" : "", type, item.EventId, item.ReconnectionInterval);
        }
        else if (_json is null)
        {
            Writer.WriteEvent((string)(object)item.Data, type, item.EventId, item.ReconnectionInterval);
        }
        else
        {
            // The framework, too, sends bytes as text.
            Writer.WriteEvent(item.Data is byte[] bytes ? bytes : _json.Serialize(item.Data), type, item.EventId, item.ReconnectionInterval);
        }

        _hasId |= item.EventId is not null;
        OnEventWritten(item.ReconnectionInterval, isPosition);
    }
}
