using System.Net.ServerSentEvents;

namespace FuncSse.Client;

/// <summary>The events of a stream. Each enumeration opens connections of its own.</summary>
/// <param name="Client">The client that reads them.</param>
/// <param name="Address">The absolute address of the stream.</param>
/// <param name="Parse">Makes the data of an event.</param>
/// <param name="Types">Types of events: those that are read, or those that are passed over.</param>
/// <param name="ArePassedOver">Whether <paramref name="Types"/> are passed over.</param>
/// <param name="LastEventId">The id after which the enumeration begins.</param>
/// <param name="Cancelled">Ends each enumeration.</param>
internal sealed record SseEvents<T>(
    SseClient Client, Uri Address, SseItemParser<T> Parse, string[] Types, bool ArePassedOver, string? LastEventId, CancellationToken Cancelled)
    : IAsyncEnumerable<SseItem<T>>
{
    public IAsyncEnumerator<SseItem<T>> GetAsyncEnumerator(CancellationToken cancellationToken = default) => new SseReading<T>(this, cancellationToken);

    public bool IsRead(string type)
    {
        foreach (string other in Types)
        {
            if (other == type)
            {
                return !ArePassedOver;
            }
        }

        return ArePassedOver;
    }
}
