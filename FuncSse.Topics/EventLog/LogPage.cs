namespace FuncSse.Topics;

/// <summary>What the log knows of a position.</summary>
public enum PositionState
{
    /// <summary>A record ends there, or the log begins there.</summary>
    Known,

    /// <summary>What followed it is no longer kept.</summary>
    Expired,

    /// <summary>No record with this mark ends there, or it is of another epoch.</summary>
    Unknown,
}

/// <summary>The names of the states, as clients and metrics have them.</summary>
internal static class PositionStates
{
    /// <summary>The name of a state other than known.</summary>
    public static string Name(PositionState state) => state == PositionState.Expired ? "expired" : "unknown";
}

/// <summary>A record that is to be appended.</summary>
/// <param name="Number">Greater than that of each record that this process appended before. A record that comes again has the same number.</param>
/// <param name="Line">One line of text without its end, and not empty.</param>
/// <param name="RetainedTopic">The topic whose retained value the record becomes; <see langword="null"/> if it is not retained.</param>
/// <param name="Clears">Whether the topic has no value after it.</param>
public readonly record struct NumberedRecord(long Number, ReadOnlyMemory<byte> Line, string? RetainedTopic = null, bool Clears = false);

/// <summary>A record as it stands in the log.</summary>
/// <param name="Line">Its bytes without the line's end.</param>
/// <param name="End">The position at which it ends.</param>
public readonly record struct LogRecord(ReadOnlyMemory<byte> Line, LogPosition End);

/// <summary>A part of the log.</summary>
/// <param name="State">What is known of the position that was asked for. Nothing was read unless it is known.</param>
/// <param name="Records">The records, empty lines left out.</param>
/// <param name="Next">Where to read on.</param>
/// <param name="HasMore">Whether there may be more after it. A log that says no saves its reader another read.</param>
public sealed record LogPage(PositionState State, IReadOnlyList<LogRecord> Records, LogPosition Next, bool HasMore = true);
