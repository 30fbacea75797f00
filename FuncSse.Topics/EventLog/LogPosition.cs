using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace FuncSse.Topics;

/// <summary>
/// A place in the log: the end of a record, or the beginning of a segment. As text it is the id of the event that ends there:
/// <c>epoch-segment-offset</c>.
/// </summary>
/// <param name="Epoch">The log's own life: 1 to 20 characters of <c>a-z</c> and <c>0-9</c>. Positions of two epochs have no order.</param>
/// <param name="Segment">The part of the log: 0 or more.</param>
/// <param name="Offset">The place in the segment: 0 or more.</param>
public sealed record LogPosition(string Epoch, long Segment, long Offset)
{
    private const int MaxEpochLength = 20;

    /// <summary>Whether this lies behind another position of the same epoch.</summary>
    /// <param name="other">The other position.</param>
    public bool IsAfter(LogPosition other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return Segment != other.Segment ? Segment > other.Segment : Offset > other.Offset;
    }

    /// <summary>The position as text, in the one spelling that is accepted.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Epoch}-{Segment}-{Offset}");

    /// <summary>Reads a position in its canonical spelling: no sign, no leading zero, nothing around it.</summary>
    /// <param name="text">Any text.</param>
    /// <param name="position">The position; <see langword="null"/> if there is none in the text.</param>
    public static bool TryParse(string? text, [NotNullWhen(true)] out LogPosition? position)
    {
        position = null;
        string[] parts = text is { Length: <= 64 } ? text.Split('-') : [];
        if (parts.Length == 3
            && IsEpoch(parts[0])
            && long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out long segment)
            && long.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out long offset))
        {
            var found = new LogPosition(parts[0], segment, offset);
            position = found.ToString() == text ? found : null;
        }

        return position is not null;
    }

    /// <summary>Whether this can be an epoch.</summary>
    /// <param name="text">Any text.</param>
    public static bool IsEpoch(string? text) =>
        text is { Length: > 0 and <= MaxEpochLength } && text.All(character => char.IsAsciiLetterLower(character) || char.IsAsciiDigit(character));

    /// <summary>A random epoch.</summary>
    public static string NewEpoch() =>
        System.Security.Cryptography.RandomNumberGenerator.GetString("abcdefghijklmnopqrstuvwxyz0123456789", 10);
}
