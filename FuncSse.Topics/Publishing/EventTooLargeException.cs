namespace FuncSse.Topics;

/// <summary>The data of an event is larger than <see cref="TopicOptions.MaxEventSize"/>.</summary>
public sealed class EventTooLargeException : ArgumentException
{
    /// <summary>Makes one with a general message.</summary>
    public EventTooLargeException()
        : this("The data of the event is too large.")
    {
    }

    /// <summary>Makes one.</summary>
    /// <param name="message">What is wrong.</param>
    public EventTooLargeException(string message)
        : base(message)
    {
    }

    /// <summary>Makes one.</summary>
    /// <param name="message">What is wrong.</param>
    /// <param name="innerException">Why.</param>
    public EventTooLargeException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
