namespace FuncSse.Topics;

/// <summary>A subscription that waits for what follows a position.</summary>
internal sealed record CatchUpRequest(TopicSubscription Subscription, LogPosition? From, bool IsTrusted)
{
    /// <summary>Whether the page is the answer. A page in whose midst no record ends at the position proves nothing of it.</summary>
    public bool IsServedBy(EventPage page) =>
        From is not null && (page.Start == From || (page.Continues(From) && (IsTrusted || page.HasBoundaryAt(From))));
}
