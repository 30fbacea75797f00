namespace FuncSse.Topics;

/// <summary>
/// The event log cannot take or give events at present. Nothing was acknowledged; what was to be published may have been appended all the
/// same if an answer of the log was lost.
/// </summary>
public sealed class EventLogUnavailableException : Exception
{
    /// <summary>Makes one with a general message.</summary>
    public EventLogUnavailableException()
        : this("The event log cannot be reached.")
    {
    }

    /// <summary>Makes one.</summary>
    /// <param name="message">What is wrong.</param>
    public EventLogUnavailableException(string message)
        : base(message)
    {
    }

    /// <summary>Makes one.</summary>
    /// <param name="message">What is wrong.</param>
    /// <param name="innerException">Why.</param>
    public EventLogUnavailableException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
