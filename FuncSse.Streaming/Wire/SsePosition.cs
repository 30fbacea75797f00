using System.Net.ServerSentEvents;

namespace FuncSse.Streaming;

/// <summary>
/// An event that only sets the client's last event id: its type is <c>position</c>, it has an id and the data <c>{}</c>, and <c>onmessage</c> does
/// not see it. A feed that starts "now" yields one first, so that a client that is cut off before the first event returns to that
/// position. (By the standard, a block with an <c>id</c> alone does the same, but Firefox 153 and npm's eventsource 4 ignore it.)
/// </summary>
public static class SsePosition
{
    /// <summary>The event's type.</summary>
    public const string EventType = "position";

    // A string instance of its own, by which a stream distinguishes this event from an app's event of the same type.
    internal static readonly string Mark = new(EventType.AsSpan());

    /// <summary>Makes the event.</summary>
    /// <typeparam name="T">The type of the feed's data. This event has none.</typeparam>
    /// <param name="id">The feed's position: the <c>lastEventId</c> with which the feed continues from here.</param>
    public static SseItem<T> At<T>(string id) => new(default!, Mark) { EventId = id };
}
