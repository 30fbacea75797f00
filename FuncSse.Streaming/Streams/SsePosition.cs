using System.Net.ServerSentEvents;

namespace FuncSse.Streaming;

/// <summary>
/// The event that tells a client where it is without telling it anything else: type <c>position</c>, an id, and empty data. It sets the
/// client's last event id, and <c>onmessage</c> does not see it. A feed that starts "now" yields one first, so that a client which is cut
/// off before the first event comes back to where it was. (By the standard a block with an <c>id</c> alone does the same, but Firefox 153
/// and npm's eventsource 4 ignore such a block.)
/// </summary>
public static class SsePosition
{
    /// <summary>The event's type.</summary>
    public const string EventType = "position";

    // An instance of its own, by which a stream tells this event from a position that an app has to tell, with data.
    internal static readonly string Mark = new(EventType.AsSpan());

    /// <summary>Makes the event.</summary>
    /// <typeparam name="T">The type of the feed's data, of which there is none here.</typeparam>
    /// <param name="id">Where the feed is: the <c>lastEventId</c> that it wants to be asked with.</param>
    public static SseItem<T> At<T>(string id) => new(default!, Mark) { EventId = id };
}
