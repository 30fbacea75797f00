namespace FuncSse.Topics;

/// <summary>The data of an event is larger than <see cref="TopicOptions.MaxEventSize"/>.</summary>
public sealed class EventTooLargeException : ArgumentException
{
    /// <summary>Creates the exception with a general message.</summary>
    public EventTooLargeException()
        : this("The data of the event is too large.")
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What is wrong.</param>
    public EventTooLargeException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What is wrong.</param>
    /// <param name="innerException">The cause.</param>
    public EventTooLargeException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
