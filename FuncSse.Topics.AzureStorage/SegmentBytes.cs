namespace FuncSse.Topics.AzureStorage;

/// <summary>
/// What stands in a segment. Each appended block begins with a line end, so that garbage of another program that has none cannot swallow
/// a record; empty lines mean nothing.
/// </summary>
internal static class SegmentBytes
{
    private const byte LineEnd = (byte)'\n';

    /// <summary>How many bytes before a position tell whether a record ends there: its last one, and the line end.</summary>
    public const int Proof = 2;

    /// <summary>Makes a block of records, and tells where in it each of them ends.</summary>
    public static byte[] Join(IReadOnlyList<ReadOnlyMemory<byte>> records, Span<long> ends)
    {
        byte[] block = new byte[1 + records.Sum(record => record.Length + 1)];
        block[0] = LineEnd;
        int length = 1;
        for (int index = 0; index < records.Count; index++)
        {
            records[index].Span.CopyTo(block.AsSpan(length));
            length += records[index].Length;
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
                records.Add(new LogRecord(bytes.Slice(begin, length), new LogPosition(epoch, segment, offset + begin + length + 1)));
            }
        }

        return records;
    }

    /// <summary>Whether a record ends where these bytes do.</summary>
    public static bool EndsRecord(ReadOnlySpan<byte> bytes) => bytes.Length >= Proof && bytes[^1] == LineEnd && bytes[^2] != LineEnd;

    /// <summary>How many of these bytes stand before the end of the last record in them; -1 if none ends there.</summary>
    public static int FindLastEnd(ReadOnlySpan<byte> bytes)
    {
        int length = bytes.Length;
        while (length > 0 && !EndsRecord(bytes[..length]))
        {
            length--;
        }

        return length > 0 ? length : -1;
    }
}
