namespace FuncSse.Topics;

/// <summary>
/// The event log does not accept or return events at present. Nothing was acknowledged. An event may still have been appended if the answer of the
/// log was lost.
/// </summary>
public sealed class EventLogUnavailableException : Exception
{
    /// <summary>Creates the exception with a general message.</summary>
    public EventLogUnavailableException()
        : this("The event log cannot be reached.")
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What is wrong.</param>
    public EventLogUnavailableException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What is wrong.</param>
    /// <param name="innerException">The cause.</param>
    public EventLogUnavailableException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
