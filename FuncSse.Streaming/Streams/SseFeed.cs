using System.Net.ServerSentEvents;

namespace FuncSse.Streaming;

/// <summary>
/// A source of events: all that a stream carries comes from one. It is called once for each stream, after the headers have left.
/// </summary>
/// <typeparam name="T">
/// The type of an event's data. A <see cref="string"/> is sent as it is, anything else as JSON with the app's
/// <see cref="Microsoft.AspNetCore.Http.Json.JsonOptions"/>.
/// </typeparam>
/// <param name="lastEventId">
/// The id of the last event that the client saw, as the client sent it: any text at all, so check it. <see langword="null"/> where it
/// sent none.
/// </param>
/// <param name="cancellationToken">
/// Cancelled when the stream ends, whatever the reason. A feed that just stops then is as good as one that throws
/// <see cref="OperationCanceledException"/>, and costs less. It has 30 s to clean up before the response ends, and 1 s when the host
/// stops.
/// </param>
/// <remarks>
/// A feed may take its time, but asynchronously. One that blocks the thread that asks it keeps a thread of the pool: its own stream cannot
/// end before it returns, and more of them than there are processors hold up new streams, the ends of others and those whose client is
/// slow. One that blocks after it waited for a timer delays the timers of other streams by up to 100 ms; while four such feeds block, no
/// timer of any stream is called.
/// </remarks>
/// <returns>
/// The events. Give each an <see cref="SseItem{T}.EventId"/> from which the feed can go on, and a client that comes back misses nothing.
/// Keep ids to ASCII: the Functions host itself answers 500 to a header beyond it, and the browser would never come back.
/// </returns>
public delegate IAsyncEnumerable<SseItem<T>> SseFeed<T>(string? lastEventId, CancellationToken cancellationToken);
