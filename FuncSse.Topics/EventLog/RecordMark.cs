using System.Buffers;
using System.Text;

namespace FuncSse.Topics;

/// <summary>
/// The random characters at the end of each record, which identify it. A position contains them, so that a log which has lost its newest part never
/// takes a position in that part for one in what it wrote later.
/// </summary>
public static class RecordMark
{
    /// <summary>How many characters a mark has: one of 1.7 million marks.</summary>
    public const int Length = 4;

    /// <summary>How many bytes at the end of a record hold its mark.</summary>
    public static int TailLength => Prefix.Length + Length + Suffix.Length;

    private const string Characters = "abcdefghijklmnopqrstuvwxyz0123456789";

    private static readonly SearchValues<char> s_characters = SearchValues.Create(Characters);

    private static ReadOnlySpan<byte> Prefix => "\"r\":\""u8;

    private static ReadOnlySpan<byte> Suffix => "\"}"u8;

    /// <summary>A random mark.</summary>
    public static string Create() => string.Create(Length, 0, (mark, _) => Create(mark));

    /// <summary>Makes a random mark.</summary>
    /// <param name="mark">Gets its <see cref="Length"/> characters.</param>
#pragma warning disable CA5394 // It tells records apart, and is no secret. Random numbers of the system take a quarter of the time of publishing.
    internal static void Create(Span<char> mark) => Random.Shared.GetItems(Characters, mark);
#pragma warning restore CA5394

    /// <summary>Whether this can be a mark.</summary>
    /// <param name="text">Any text.</param>
    public static bool IsMark(string? text) => text is { Length: Length } && !text.AsSpan().ContainsAnyExcept(s_characters);

    /// <summary>Finds the mark of a record; empty if it has none, such as a line of another program.</summary>
    /// <param name="line">The record, or its last <see cref="TailLength"/> bytes.</param>
    public static string Of(ReadOnlySpan<byte> line)
    {
        if (line.Length < TailLength || !line.EndsWith(Suffix) || !line[^TailLength..].StartsWith(Prefix))
        {
            return "";
        }

        string mark = Encoding.ASCII.GetString(line[^(Length + Suffix.Length)..^Suffix.Length]);
        return IsMark(mark) ? mark : "";
    }
}
