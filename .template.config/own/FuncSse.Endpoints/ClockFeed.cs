using System.Globalization;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using FuncSse.Streaming;

namespace FuncSse.Endpoints;

/// <summary>Your own feed: it tells the time once a second. Let it tell something else.</summary>
/// <param name="time">Whose clock and timers it goes by.</param>
public sealed class ClockFeed(TimeProvider time)
{
    /// <summary>The stream that a request is answered with.</summary>
    /// <param name="hostCancelled">On Azure Functions, the token of the <c>FunctionContext</c>.</param>
    public SseStreamResult<string> Stream(CancellationToken hostCancelled = default) => new(ReadAsync, hostCancelled);

    /// <summary>Tells the time until it is cancelled.</summary>
    /// <param name="lastEventId">What the client saw last. A clock has nothing to make up for; a feed with a history starts after it.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async IAsyncEnumerable<SseItem<string>> ReadAsync(
        string? lastEventId, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1), time);
        do
        {
            string now = time.GetUtcNow().ToString("O", CultureInfo.InvariantCulture);
            yield return new SseItem<string>(now) { EventId = now };
        }
        while (await timer.WaitForNextTickAsync(cancellationToken));
    }
}
