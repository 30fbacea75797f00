namespace FuncSse.Topics;

/// <summary>
/// One append-only sequence of records for all topics of the app. It knows nothing of what is in a record: encoding, group commit and
/// passing over repeated records are common to all logs.
/// </summary>
/// <remarks>
/// All methods may be called by several threads at once, except that one append is under way at a time. They throw
/// <see cref="EventLogUnavailableException"/> when the log cannot be reached or does not answer as it should. An append that threw may still
/// land later, whole or not at all.
/// </remarks>
public interface IEventLog
{
    /// <summary>How old the oldest event is that is kept, as far as this process knows; <see langword="null"/> if it does not.</summary>
    TimeSpan? OldestAge { get; }

    /// <summary>The end of the last record, and with it the log's epoch. Makes the log if there is none.</summary>
    /// <param name="cancellationToken">Ends the call.</param>
    Task<LogPosition> GetEndAsync(CancellationToken cancellationToken);

    /// <summary>A position before the oldest record that is kept.</summary>
    /// <param name="cancellationToken">Ends the call.</param>
    Task<LogPosition> GetEarliestAsync(CancellationToken cancellationToken);

    /// <summary>Reads on from a position, in the log's order.</summary>
    /// <param name="after">The position: any at all, so the log checks with bounded work whether a record ends there.</param>
    /// <param name="maxBytes">About how many bytes to read: one record at least, if there is one.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    Task<LogPage> ReadAsync(LogPosition after, int maxBytes, CancellationToken cancellationToken);

    /// <summary>
    /// Waits until there may be more to read, and never much longer than a second where the log cannot tell. An append of this process
    /// ends the wait at once.
    /// </summary>
    /// <param name="after">Where the last page ended.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    Task WaitAsync(LogPosition after, CancellationToken cancellationToken);

    /// <summary>Appends records as one, and returns the position at which each of them ends.</summary>
    /// <param name="epoch">The life of the log for which the records were made.</param>
    /// <param name="records">The records: each one line of text without its end, and not empty.</param>
    /// <param name="cancellationToken">Ends the call; what was appended may still land.</param>
    /// <returns><see langword="null"/> if the log has another epoch by now: nothing was appended.</returns>
    Task<IReadOnlyList<LogPosition>?> AppendAsync(
        string epoch, IReadOnlyList<ReadOnlyMemory<byte>> records, CancellationToken cancellationToken);
}
