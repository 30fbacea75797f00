namespace FuncSse.Topics.AzureStorage;

/// <summary>
/// The format of a segment. Each appended block begins with a line end, so that garbage of another program without one cannot swallow a record. Empty
/// lines mean nothing.
/// </summary>
internal static class SegmentBytes
{
    private const byte LineEnd = (byte)'\n';

    /// <summary>How many bytes before a position tell whether a record ends there, and which one: its mark and the line end.</summary>
    public static int TailLength => RecordMark.TailLength + 1;

    /// <summary>Makes a block of records, and tells where in it each of them ends.</summary>
    public static byte[] Join(IReadOnlyList<NumberedRecord> records, Span<long> ends)
    {
        byte[] block = new byte[1 + records.Sum(record => record.Line.Length + 1)];
        block[0] = LineEnd;
        int length = 1;
        for (int index = 0; index < records.Count; index++)
        {
            records[index].Line.Span.CopyTo(block.AsSpan(length));
            length += records[index].Line.Length;
            block[length++] = LineEnd;
            ends[index] = length;
        }

        return block;
    }

    /// <summary>Finds the records in a part of a segment.</summary>
    /// <param name="bytes">The part.</param>
    /// <param name="skip">How many bytes stand before the first record.</param>
    /// <param name="epoch">The segment's epoch.</param>
    /// <param name="segment">The segment's number.</param>
    /// <param name="offset">Where in the segment the part begins.</param>
    public static List<LogRecord> Split(ReadOnlyMemory<byte> bytes, int skip, string epoch, long segment, long offset)
    {
        var records = new List<LogRecord>();
        for (int begin = skip, length; (length = bytes.Span[begin..].IndexOf(LineEnd)) >= 0; begin += length + 1)
        {
            if (length > 0)
            {
                ReadOnlyMemory<byte> line = bytes.Slice(begin, length);
                var end = new LogPosition(epoch, segment, offset + begin + length + 1, RecordMark.Of(line.Span));
                records.Add(new LogRecord(line, end));
            }
        }

        return records;
    }

    /// <summary>Finds the mark of the record that ends where these bytes do; <see langword="null"/> if none ends there.</summary>
    /// <param name="bytes">The last <see cref="TailLength"/> bytes or more; fewer where the segment begins with them.</param>
    public static string? FindMark(ReadOnlySpan<byte> bytes) =>
        bytes.Length > 1 && bytes[^1] == LineEnd && bytes[^2] != LineEnd ? RecordMark.Of(bytes[..^1]) : null;

    /// <summary>How many of these bytes stand before the end of the last record in them; -1 if none ends there.</summary>
    public static int FindLastEnd(ReadOnlySpan<byte> bytes)
    {
        int length = bytes.Length;
        while (length > 0 && FindMark(bytes[..length]) is null)
        {
            length--;
        }

        return length > 0 ? length : -1;
    }
}
