namespace FuncSse.Topics;

/// <summary>The retained value of a topic.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Line">The record of the event.</param>
/// <param name="End">
/// Where the record ends; <see langword="null"/> if the log has lost the record, so that the position means nothing or is another record's.
/// </param>
public sealed record RetainedValue(string Topic, ReadOnlyMemory<byte> Line, LogPosition? End);
