using System.Globalization;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using FuncSse.Streaming;
using Microsoft.AspNetCore.Http;

namespace FuncSse.Endpoints;

/// <summary>Counts: one event in each interval, with the count as its id and its data. The id is the only state.</summary>
/// <param name="interval">The time between two counts.</param>
/// <param name="time">The clock whose timers wake the feed.</param>
public sealed class CounterFeed(TimeSpan interval, TimeProvider time)
{
    private static readonly SseStreamOptions s_withKeepAliveEvent = new() { KeepAliveEvent = true };

    // 18 digits always fit into a long, and are more than any client will wait for.
    private const int MaxDigits = 18;

    private SseFeed<string>? _feed;

    /// <summary>The stream that answers a request. <c>?keepAlive=event</c> asks for keep-alives that scripts can see.</summary>
    /// <param name="request">The request.</param>
    /// <param name="hostCancelled">As for <see cref="SseStreamResult{T}"/>.</param>
    public SseStreamResult<string> Stream(HttpRequest request, CancellationToken hostCancelled = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        return new SseStreamResult<string>(_feed ??= ReadAsync, hostCancelled, request.FindInQuery("keepAlive") == "event" ? s_withKeepAliveEvent : null);
    }

    /// <summary>Continues the count after the last event that the client received. The first event comes after one interval.</summary>
    /// <param name="lastEventId">A count of up to 18 digits; anything else starts at 1.</param>
    /// <param name="cancellationToken">Ends the count, without an exception.</param>
    public async IAsyncEnumerable<SseItem<string>> ReadAsync(
        string? lastEventId, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        long count = Parse(lastEventId);
        using var timer = new PeriodicTimer(interval, time);
        using CancellationTokenRegistration end = cancellationToken.UnsafeRegister(static timer => ((PeriodicTimer)timer!).Dispose(), timer);
        while (await timer.WaitForNextTickAsync(CancellationToken.None))
        {
            string text = (++count).ToString(CultureInfo.InvariantCulture);
            yield return new SseItem<string>(text) { EventId = text };
        }
    }

    private static long Parse(string? lastEventId) =>
        lastEventId is { Length: > 0 and <= MaxDigits } && !lastEventId.AsSpan().ContainsAnyExceptInRange('0', '9')
            ? long.Parse(lastEventId, NumberStyles.None, CultureInfo.InvariantCulture)
            : 0;
}
