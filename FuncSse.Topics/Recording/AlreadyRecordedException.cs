namespace FuncSse.Topics;

/// <summary>A recorded stream of this name has ended, and a name is used once.</summary>
public sealed class AlreadyRecordedException : InvalidOperationException
{
    /// <summary>Creates the exception with a general message.</summary>
    public AlreadyRecordedException()
        : this("A recorded stream of this name has ended. A name is used once.")
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What is wrong.</param>
    public AlreadyRecordedException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What is wrong.</param>
    /// <param name="innerException">The cause.</param>
    public AlreadyRecordedException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
