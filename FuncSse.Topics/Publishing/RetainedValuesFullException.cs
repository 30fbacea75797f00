namespace FuncSse.Topics;

/// <summary>
/// The event was not published, since it would be the first retained value of its topic, and <see cref="TopicOptions.MaxRetained"/> topics have one.
/// </summary>
public sealed class RetainedValuesFullException : InvalidOperationException
{
    /// <summary>Creates the exception with a general message.</summary>
    public RetainedValuesFullException()
        : this("Too many topics have a retained value.")
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What is wrong.</param>
    public RetainedValuesFullException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What is wrong.</param>
    /// <param name="innerException">The cause.</param>
    public RetainedValuesFullException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
