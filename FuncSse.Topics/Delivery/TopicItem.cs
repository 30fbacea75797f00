namespace FuncSse.Topics;

/// <summary>What a subscription gives to its consumer: exactly one of these is set, and <see cref="Position"/> may come with a reason.</summary>
/// <param name="Event">An event.</param>
/// <param name="Value">A retained value.</param>
/// <param name="Position">
/// The opening: all events of the topics up to here are sent, or belong to what was lost. With a <see cref="LossReason"/>, the opening is still to come.
/// </param>
/// <param name="LossReason">Why the subscriber lost events, or its values.</param>
internal readonly record struct TopicItem(
    TopicEvent? Event = null, EventRecord? Value = null, LogPosition? Position = null, string? LossReason = null);
