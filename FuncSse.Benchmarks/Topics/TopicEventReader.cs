using System.Buffers.Text;

namespace FuncSse.Benchmarks;

/// <summary>Reads a topic's events, whatever their ids: the number that the data of each begins with comes out at the blank line that ends it.</summary>
internal sealed class TopicEventReader(Action<long> read)
{
    private readonly LineBuffer _lines = new();
    private long? _number;

    /// <exception cref="InvalidDataException">The data of an event begins with no number.</exception>
    public void Read(ReadOnlySpan<byte> bytes)
    {
        while (_lines.TryTake(ref bytes, out ReadOnlySpan<byte> line))
        {
            // What only tells the position has no data.
            if (line.StartsWith("data:"u8) && line.Length > "data: "u8.Length)
            {
                _number = Number(line[5..].TrimStart((byte)' '));
            }
            else if (line.IsEmpty && _number is { } number)
            {
                _number = null;
                read(number);
            }
        }
    }

    private static long Number(ReadOnlySpan<byte> value) => Utf8Parser.TryParse(value, out long number, out _)
        ? number
        : throw new InvalidDataException("the data of an event begins with no number: events are lost");
}
