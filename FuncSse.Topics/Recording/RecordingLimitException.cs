namespace FuncSse.Topics;

/// <summary><see cref="TopicOptions.MaxRecordings"/> feeds are recorded in this process already. Trying again later can help.</summary>
public sealed class RecordingLimitException : InvalidOperationException
{
    /// <summary>Creates the exception with a general message.</summary>
    public RecordingLimitException()
        : this("Too many feeds are recorded at present.")
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What is wrong.</param>
    public RecordingLimitException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What is wrong.</param>
    /// <param name="innerException">The cause.</param>
    public RecordingLimitException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
