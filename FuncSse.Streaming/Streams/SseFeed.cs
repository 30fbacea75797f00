using System.Net.ServerSentEvents;

namespace FuncSse.Streaming;

/// <summary>
/// A source of a stream's events. It is called once for each stream, after the headers have been sent.
/// </summary>
/// <typeparam name="T">
/// The type of an event's data. A <see cref="string"/> is sent as it is, anything else as JSON with the app's
/// <see cref="Microsoft.AspNetCore.Http.Json.JsonOptions"/>.
/// </typeparam>
/// <param name="lastEventId">
/// The id of the last event that the client received, as the client sent it. It may be any text, so check it. It is <see langword="null"/>
/// if the client sent none.
/// </param>
/// <param name="cancellationToken">
/// Cancelled when the stream ends, for any reason. A feed may then stop or throw <see cref="OperationCanceledException"/>; stopping costs
/// less. It has 30 s to clean up before the response ends, and 1 s when the host stops.
/// </param>
/// <remarks>
/// A feed may take any time, but must wait asynchronously. A feed that blocks its thread keeps a thread of the pool: its own stream cannot
/// end before it returns, and more of them than there are processors delay new streams, the ends of other streams and streams with slow
/// clients. A feed that blocks after it waited for a timer delays the timers of other streams by up to 100 ms; while four such feeds
/// block, no timer of any stream is called.
/// </remarks>
/// <returns>
/// The events. Give each an <see cref="SseItem{T}.EventId"/> from which the feed can continue, so that a client that returns misses nothing.
/// Use ASCII in ids: the Functions host itself answers 500 to a header with other characters, and the browser would never return.
/// </returns>
public delegate IAsyncEnumerable<SseItem<T>> SseFeed<T>(string? lastEventId, CancellationToken cancellationToken);
