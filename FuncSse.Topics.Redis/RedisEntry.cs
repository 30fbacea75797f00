using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace FuncSse.Topics.Redis;

/// <summary>
/// Entries of the stream: the records of an append, a line each, as many in one entry as have room. A position is the entry's id with the index of the
/// record in it and the record's mark, which Redis has as <c>ms-seq-index-mark</c>. Redis takes several microseconds for each entry that it reads, and
/// little more for an entry of many records.
/// </summary>
internal static class RedisEntry
{
    /// <summary>
    /// How many bytes an entry has at most, unless it has one record. With the rest of the entry, Redis takes 16 KB for it; for a little more it would take 20.
    /// </summary>
    public const int MaxSize = (16 * 1024) - 256;

    private const byte LineEnd = (byte)'\n';
    private const int IndexBits = 16;

    /// <summary>Divides records among entries.</summary>
    /// <param name="records">The records.</param>
    /// <returns>The bytes of each entry, and how many records it has.</returns>
    public static List<(int Count, byte[] Lines)> Join(IReadOnlyList<NumberedRecord> records)
    {
        var entries = new List<(int, byte[])>();
        for (int begin = 0, end = 0; begin < records.Count; begin = end)
        {
            int size = 0;
            do
            {
                size += records[end++].Line.Length + 1;
            }
            while (end < records.Count && size + records[end].Line.Length <= MaxSize);

            byte[] lines = new byte[size - 1];
            for (int index = begin, at = 0; index < end; at += records[index++].Line.Length + 1)
            {
                records[index].Line.CopyTo(lines.AsMemory(at));
                if (index > begin)
                {
                    lines[at - 1] = LineEnd;
                }
            }

            entries.Add((end - begin, lines));
        }

        return entries;
    }

    /// <summary>Adds the records of an entry to others.</summary>
    /// <param name="epoch">The log's epoch.</param>
    /// <param name="id">The entry's id.</param>
    /// <param name="lines">The records.</param>
    /// <param name="records">Gets them.</param>
    /// <exception cref="EventLogUnavailableException">This is no id.</exception>
    public static void Split(string epoch, string id, ReadOnlyMemory<byte> lines, List<LogRecord> records)
    {
        LogPosition begin = Parse(epoch, $"{id}-0");
        for (int index = 0; !lines.IsEmpty; index++)
        {
            int length = lines.Span.IndexOf(LineEnd);
            ReadOnlyMemory<byte> line = length < 0 ? lines : lines[..length];
            lines = length < 0 ? default : lines[(length + 1)..];
            records.Add(new LogRecord(line, begin with { Offset = begin.Offset + index, Mark = RecordMark.Of(line.Span) }));
        }
    }

    /// <summary>What follows the entry's id in the position of a record.</summary>
    public static string Suffix(int index, ReadOnlySpan<byte> line) =>
        RecordMark.Of(line) is { Length: > 0 } mark ? $"-{index}-{mark}" : $"-{index}";

    /// <summary>The id of the entry in which a position is.</summary>
    public static string Id(LogPosition position) =>
        string.Create(CultureInfo.InvariantCulture, $"{position.Segment}-{position.Offset >> IndexBits}");

    /// <summary>A position as Redis has it, without the epoch.</summary>
    public static string Format(LogPosition position) =>
        $"{Id(position)}-{position.Offset & ((1 << IndexBits) - 1)}{(position.Mark.Length > 0 ? "-" : "")}{position.Mark}";

    /// <summary>Reads a position as Redis has it.</summary>
    /// <exception cref="EventLogUnavailableException">This is none.</exception>
    public static LogPosition Parse(string epoch, string text) => TryParse(epoch, text, out LogPosition? position)
        ? position
        : throw new EventLogUnavailableException($"Redis has '{text}' where a position belongs.");

    /// <summary>Reads a position as Redis has it.</summary>
    public static bool TryParse(string epoch, string text, [NotNullWhen(true)] out LogPosition? position)
    {
        position = null;
        string[] parts = text.Split('-', 4);
        if (parts.Length < 3
            || !long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out long sequence)
            || !ushort.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out ushort index))
        {
            return false;
        }

        string mark = parts.Length == 4 ? $"-{parts[3]}" : "";
        return LogPosition.TryParse($"{epoch}-{parts[0]}-{(sequence << IndexBits) + index}{mark}", out position);
    }
}
