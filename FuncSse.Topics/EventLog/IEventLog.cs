namespace FuncSse.Topics;

/// <summary>
/// Makes an event log. A package registers one as a keyed service, under the value of <see cref="TopicOptions.Log"/>. It is called for the log of the
/// topics, and for that of the recorded streams, which has another name.
/// </summary>
/// <param name="options">The name and the bounds of the log.</param>
public delegate IEventLog EventLogFactory(TopicOptions options);

/// <summary>
/// One append-only sequence of records for all topics of the app. A log knows nothing of what is in a record but its mark
/// (<see cref="RecordMark"/>): encoding and group commit are common to all logs.
/// </summary>
/// <remarks>
/// All methods may be called by several threads at once, except that one append is under way at a time. They throw
/// <see cref="EventLogUnavailableException"/> when the log cannot be reached or does not answer as it should.
/// </remarks>
public interface IEventLog
{
    /// <summary>The age of the oldest event that is kept, as far as this process knows it; <see langword="null"/> if it does not.</summary>
    TimeSpan? OldestAge { get; }

    /// <summary>The end of the last record, and with it the log's epoch. Makes the log if there is none.</summary>
    /// <param name="cancellationToken">Ends the call.</param>
    Task<LogPosition> GetEndAsync(CancellationToken cancellationToken);

    /// <summary>A position before the oldest record that is kept.</summary>
    /// <param name="cancellationToken">Ends the call.</param>
    Task<LogPosition> GetEarliestAsync(CancellationToken cancellationToken);

    /// <summary>Reads on from a position, in the log's order.</summary>
    /// <param name="after">
    /// The position: any at all, so the log checks with bounded work whether a record with this mark ends there. A log that lost its newest part does
    /// not know the positions in it, even after it has grown beyond them again.
    /// </param>
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

    /// <summary>Appends records, all of them or none, and returns the position at which each of them ends.</summary>
    /// <param name="records">
    /// The records, one at least, in the order of their numbers. An append that threw may have landed, or may still be under way. Its
    /// records, or some of them, may come again with the next call: each counts once for every reader, and has one position, whether the
    /// first attempt landed or not.
    /// </param>
    /// <param name="cancellationToken">Ends the call; the records may still land.</param>
    /// <remarks>When it returns, both the records and the retained values among them are kept.</remarks>
    Task<IReadOnlyList<LogPosition>> AppendAsync(IReadOnlyList<NumberedRecord> records, CancellationToken cancellationToken);

    /// <summary>
    /// Reads the retained values of topics. Each is at least as new as the newest one whose append had returned, in any process, before the call, and
    /// as the newest one in what this process has read of the log. Values outlive the retention and the epoch.
    /// </summary>
    /// <param name="topics">The topics.</param>
    /// <param name="max">The most values to read.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <returns>The values in any order; <see langword="null"/> if there are more than <paramref name="max"/>.</returns>
    Task<IReadOnlyList<RetainedValue>?> ReadValuesAsync(TopicSet topics, int max, CancellationToken cancellationToken);

    /// <summary>
    /// How many more topics may have a value: the rest of <see cref="TopicOptions.MaxRetained"/>, or <see cref="int.MaxValue"/> if this topic has one.
    /// Topics that begin with <c>$</c> do not count. Processes that ask at the same time may exceed the limit together.
    /// </summary>
    /// <param name="topic">The topic.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    Task<int> FindRoomAsync(string topic, CancellationToken cancellationToken);
}
