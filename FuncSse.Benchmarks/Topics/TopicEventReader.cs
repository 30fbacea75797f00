using System.Buffers.Text;

namespace FuncSse.Benchmarks;

/// <summary>
/// Reads a topic's events, whatever their ids: the number that the data of each begins with comes out at the blank line that ends it. What
/// SignalR sends is understood as well: its events have one or more messages, and a message has the data as its argument.
/// </summary>
internal sealed class TopicEventReader(Action<long> read)
{
    // Of SignalR's messages, as many share an event as waited for the connection.
    private readonly LineBuffer _lines = new(length: 16384);
    private long? _number;

    /// <exception cref="InvalidDataException">The data of an event begins with no number.</exception>
    public void Read(ReadOnlySpan<byte> bytes)
    {
        while (_lines.TryTake(ref bytes, out ReadOnlySpan<byte> line))
        {
            // What only tells the position has no data.
            if (line.StartsWith("data: {"u8))
            {
                ReadMessages(line);
            }
            else if (line.StartsWith("data:"u8) && line.Length > "data: "u8.Length)
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

    // Pings and the answer to the protocol have no argument.
    private void ReadMessages(ReadOnlySpan<byte> line)
    {
        ReadOnlySpan<byte> argument = "\"arguments\":[\""u8;
        for (int found = line.IndexOf(argument); found >= 0; found = line.IndexOf(argument))
        {
            line = line[(found + argument.Length)..];
            read(Number(line));
        }
    }

    private static long Number(ReadOnlySpan<byte> value) => Utf8Parser.TryParse(value, out long number, out _)
        ? number
        : throw new InvalidDataException("the data of an event begins with no number: events are lost");
}
