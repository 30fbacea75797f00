using System.Buffers.Text;

namespace FuncSse.Benchmarks;

/// <summary>Reads a counter's events: lines in, an id and a datum out at each blank line that ends an event.</summary>
internal sealed class EventReader(Action<long, long> read)
{
    private readonly LineBuffer _lines = new();
    private long _id;
    private long _data;

    /// <exception cref="InvalidDataException">An id or a datum is no number.</exception>
    public void Read(ReadOnlySpan<byte> bytes)
    {
        while (_lines.TryTake(ref bytes, out ReadOnlySpan<byte> line))
        {
            if (line.StartsWith("id:"u8))
            {
                _id = Number(line[3..]);
            }
            else if (line.StartsWith("data:"u8))
            {
                _data = Number(line[5..]);
            }
            else if (line.IsEmpty && _data != 0)
            {
                read(_id, _data);
                (_id, _data) = (0, 0);
            }
        }
    }

    private static long Number(ReadOnlySpan<byte> value)
    {
        value = value.TrimStart((byte)' ');
        return Utf8Parser.TryParse(value, out long number, out int used) && used == value.Length
            ? number
            : throw new InvalidDataException("an id or a datum is no number");
    }
}
