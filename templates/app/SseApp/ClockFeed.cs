using System.Globalization;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;

namespace SseApp;

/// <summary>Your own feed: it tells the time once a second. Let it tell something else.</summary>
/// <param name="time">Whose clock and timers it goes by.</param>
public sealed class ClockFeed(TimeProvider time)
{
    /// <summary>Tells the time until it is cancelled.</summary>
    /// <param name="lastEventId">The last id that the client received. A clock has nothing to repeat; a feed with a history continues after it.</param>
    /// <param name="cancellationToken">Ends the feed.</param>
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
