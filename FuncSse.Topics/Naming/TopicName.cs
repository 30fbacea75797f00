using System.Buffers;
using System.Globalization;
using System.Text;

namespace FuncSse.Topics;

/// <summary>
/// The names of topics: 1 to 256 of the characters that a path can have as they are, which are RFC 3986's unreserved characters and
/// sub-delims without <c>*</c>, and <c>:</c>, <c>@</c>, <c>|</c> and <c>/</c>. A name has no empty, <c>.</c> or <c>..</c> segment, and does not
/// begin with <c>$</c>: those names are the package's own. A pattern ends with the segment <c>*</c>; only subscribers can use one.
/// </summary>
public static class TopicName
{
    /// <summary>The most characters of a name or a pattern.</summary>
    public const int MaxLength = 256;

    /// <summary>The characters of a name that are neither letters nor digits.</summary>
    internal const string Punctuation = "-._~!$&'()+,;=:@|/";

    private const string LettersAndDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    private const char EscapeCharacter = '~';

    private static readonly SearchValues<char> s_allowed = SearchValues.Create(LettersAndDigits + Punctuation);
    private static readonly UTF8Encoding s_utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private static readonly SearchValues<char> s_kept = SearchValues.Create(LettersAndDigits + "-._");

    /// <summary>Whether an event can be published to this name.</summary>
    /// <param name="name">The name; <see langword="null"/> is none.</param>
    public static bool IsValid(string? name) =>
        name is { Length: > 0 and <= MaxLength } && name[0] != '$' && !name.AsSpan().ContainsAnyExcept(s_allowed) && HasValidSegments(name);

    /// <summary>
    /// Whether this can be subscribed to: a name, or a pattern such as <c>orders/*</c>, which covers all names that begin with
    /// <c>orders/</c> (not <c>orders</c> itself). <c>*</c> alone covers every name.
    /// </summary>
    /// <param name="nameOrPattern">The name or pattern; <see langword="null"/> is none.</param>
    public static bool IsValidToSubscribe(string? nameOrPattern)
    {
        if (nameOrPattern is null || !IsPattern(nameOrPattern))
        {
            return IsValid(nameOrPattern);
        }

        return nameOrPattern.Length <= MaxLength && (nameOrPattern.Length == 1 || IsValid(nameOrPattern[..^2]));
    }

    /// <summary>
    /// Makes one segment of a name from any text, such as a user's id: <c>$"users/{TopicName.Escape(id)}"</c>. Two texts never give the same segment,
    /// and <see cref="Unescape"/> gives the text back.
    /// </summary>
    /// <param name="text">The text.</param>
    /// <returns>
    /// The letters and digits of ASCII, <c>-</c>, <c>.</c> and <c>_</c> as they are, and <c>~</c> with two upper-case hexadecimal digits for each
    /// byte of UTF-8 of everything else. A text that is <c>.</c> or <c>..</c> is written so too, and an empty text is
    /// <c>~</c>. It may be longer than a name can be (<see cref="MaxLength"/>).
    /// </returns>
    /// <exception cref="ArgumentException">The text has half of a surrogate pair, which UTF-8 cannot express.</exception>
    public static string Escape(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length == 0)
        {
            return "~";
        }

        var segment = new StringBuilder(text.Length);
        bool isDots = text is "." or "..";
        foreach (byte value in s_utf8.GetBytes(text))
        {
            if (s_kept.Contains((char)value) && !isDots)
            {
                segment.Append((char)value);
            }
            else
            {
                segment.Append(EscapeCharacter).Append(value.ToString("X2", CultureInfo.InvariantCulture));
            }
        }

        return segment.ToString();
    }

    /// <summary>Returns the text from which <see cref="Escape"/> made a segment.</summary>
    /// <param name="segment">The segment.</param>
    /// <exception cref="FormatException"><see cref="Escape"/> did not make it.</exception>
    public static string Unescape(string segment)
    {
        ArgumentNullException.ThrowIfNull(segment);
        var bytes = new List<byte>(segment.Length);
        for (int index = 0; index < segment.Length && segment != "~"; index++)
        {
            if (segment[index] != EscapeCharacter)
            {
                bytes.Add((byte)segment[index]);
            }
            else if (byte.TryParse(segment.AsSpan(index + 1, Math.Min(2, segment.Length - index - 1)), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte value))
            {
                bytes.Add(value);
                index += 2;
            }
        }

        string text = Encoding.UTF8.GetString([.. bytes]);
        return Escape(text) == segment ? text : throw new FormatException($"'{segment}' is not an escaped segment of a topic's name.");
    }

    /// <summary>Whether this is a name of the package's own, such as <c>$revoked/name</c>. Patterns do not cover it.</summary>
    internal static bool IsReserved(string? name) => name is { Length: > 1 and <= MaxLength } && name[0] == '$' && IsValid(name[1..]);

    /// <summary>Whether the last segment is <c>*</c>.</summary>
    internal static bool IsPattern(string nameOrPattern) =>
        nameOrPattern == "*" || nameOrPattern.EndsWith("/*", StringComparison.Ordinal);

    /// <summary>One line that says that this is not a topic's name, and what a name is.</summary>
    internal static string Refuse(string? name, int maxLength = MaxLength)
    {
        const int MaxShown = 300;
        var shown = new StringBuilder();
        foreach (Rune character in (name ?? "").EnumerateRunes().Take(MaxShown))
        {
            shown.Append(Rune.IsControl(character) ? Uri.EscapeDataString(character.ToString()) : character.ToString());
        }

        return $"'{shown}' is not the name of a topic: a name has 1 to {maxLength} ASCII letters, digits and {Punctuation}, does not begin with '$', and has no "
            + "segment that is empty, '.' or '..'.";
    }

    private static bool HasValidSegments(ReadOnlySpan<char> name)
    {
        foreach (Range segment in name.Split('/'))
        {
            if (name[segment] is "" or "." or "..")
            {
                return false;
            }
        }

        return true;
    }
}
