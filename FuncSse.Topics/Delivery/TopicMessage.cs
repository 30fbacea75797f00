namespace FuncSse.Topics;

/// <summary>What a <see cref="TopicMessage"/> is.</summary>
public enum TopicMessageKind
{
    /// <summary>An event, as it was published.</summary>
    Event,

    /// <summary>The value that a topic had when the reading began, or when events were lost.</summary>
    RetainedValue,

    /// <summary>Events were lost, or there are too many retained values. What follows is the values, and the events from now on.</summary>
    Loss,
}

/// <summary>A message of an <see cref="ITopicReader"/>.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Id">The position in the log, to go on from after this message; <see langword="null"/> for a retained value.</param>
/// <param name="Topic">The topic; <see langword="null"/> for a loss.</param>
/// <param name="Type">The event's type; <see langword="null"/> if it has none, and for a loss.</param>
/// <param name="Published">When it was published, by the publisher's clock; the time of reading for a loss.</param>
/// <param name="Data">The event's data; for a loss the reason, which is <c>expired</c>, <c>unknown</c> or <c>overflow</c>.</param>
public sealed record TopicMessage(TopicMessageKind Kind, string? Id, string? Topic, string? Type, DateTimeOffset Published, string Data);
