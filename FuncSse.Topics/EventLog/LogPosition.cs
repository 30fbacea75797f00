using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;

namespace FuncSse.Topics;

/// <summary>
/// A place in the log: the end of a record, or the beginning of the log or of a segment. As text it is the id of the event that ends there:
/// <c>epoch-segment-offset-mark</c>, or <c>epoch-segment-offset</c> where there is no mark.
/// </summary>
/// <param name="Epoch">The log's own life: 1 to 16 characters of <c>a-z</c> and <c>0-9</c>. Positions of two epochs have no order.</param>
/// <param name="Segment">The part of the log: 0 or more.</param>
/// <param name="Offset">The place in the segment: 0 or more.</param>
/// <param name="Mark">
/// The mark of what ends or begins there (<see cref="RecordMark"/>): 4 characters, or none. A log that went back to an older state writes other
/// records at the same places, and the mark tells them apart.
/// </param>
public sealed record LogPosition(string Epoch, long Segment, long Offset, string Mark = "")
{
    private const int MaxEpochLength = 16;
    private const string Characters = "abcdefghijklmnopqrstuvwxyz0123456789";

    private static readonly SearchValues<char> s_characters = SearchValues.Create(Characters);

    /// <summary>Whether this comes after another position of the same epoch.</summary>
    /// <param name="other">The other position.</param>
    public bool IsAfter(LogPosition other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return Segment != other.Segment ? Segment > other.Segment : Offset > other.Offset;
    }

    /// <summary>The position as text, in the one spelling that is accepted: 64 characters at most.</summary>
    public override string ToString() => Mark.Length == 0
        ? string.Create(CultureInfo.InvariantCulture, $"{Epoch}-{Segment}-{Offset}")
        : string.Create(CultureInfo.InvariantCulture, $"{Epoch}-{Segment}-{Offset}-{Mark}");

    /// <summary>Reads a position in its canonical spelling: no sign, no leading zero, nothing around it.</summary>
    /// <param name="text">Any text.</param>
    /// <param name="position">The position; <see langword="null"/> if there is none in the text.</param>
    public static bool TryParse(string? text, [NotNullWhen(true)] out LogPosition? position)
    {
        position = null;
        string[] parts = text is { Length: <= 64 } ? text.Split('-') : [];
        if (parts.Length is 3 or 4
            && IsEpoch(parts[0])
            && long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out long segment)
            && long.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out long offset)
            && (parts.Length == 3 || RecordMark.IsMark(parts[3])))
        {
            var found = new LogPosition(parts[0], segment, offset, parts.Length == 4 ? parts[3] : "");
            position = found.ToString() == text ? found : null;
        }

        return position is not null;
    }

    /// <summary>Whether this can be an epoch.</summary>
    /// <param name="text">Any text.</param>
    public static bool IsEpoch(string? text) =>
        text is { Length: > 0 and <= MaxEpochLength } && !text.AsSpan().ContainsAnyExcept(s_characters);

    /// <summary>A random epoch.</summary>
    public static string NewEpoch() => RandomNumberGenerator.GetString(Characters, 10);
}
