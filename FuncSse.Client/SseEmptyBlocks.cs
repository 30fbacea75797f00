using System.Buffers;

namespace FuncSse.Client;

/// <summary>
/// Finds blocks that have a type and no data, such as <c>event: ping</c> alone. They are no events, but the parser gives their type to the next
/// event. So a line follows each of them that sets the type which an event without one has.
/// </summary>
internal sealed class SseEmptyBlocks
{
    private const byte CarriageReturn = (byte)'\r';
    private const byte LineFeed = (byte)'\n';

    // The first bytes of the line that the last bytes belong to. They tell the fields "event" and "data" apart from others.
    private readonly byte[] _start = new byte[5];
    private int _length;
    private bool _isTyped; // Whether the block has a type and no data so far.

    /// <summary>Takes the next bytes of the stream.</summary>
    /// <param name="bytes">The bytes. The last one is no CR, because it is not known yet whether an LF follows.</param>
    /// <returns>The bytes and the lines in between; <see langword="null"/> if nothing has to be added to the bytes.</returns>
    public byte[]? Follow(ReadOnlySpan<byte> bytes)
    {
        ArrayBufferWriter<byte>? added = null;
        int copied = 0;
        for (int at = Skip(bytes, 0); at < bytes.Length; at = Skip(bytes, at))
        {
            int length = bytes[at..].IndexOfAny(CarriageReturn, LineFeed);
            ReadOnlySpan<byte> line = length < 0 ? bytes[at..] : bytes.Slice(at, length);
            ReadOnlySpan<byte> start = line[..Math.Min(line.Length, _start.Length - _length)];
            start.CopyTo(_start.AsSpan(_length));
            _length += start.Length;
            if (length < 0)
            {
                break;
            }

            at += bytes[(at + length)..].StartsWith("\r\n"u8) ? length + 2 : length + 1;
            if (_length == 0 && _isTyped)
            {
                added ??= new ArrayBufferWriter<byte>(2 * bytes.Length);
                added.Write(bytes[copied..at]);
                added.Write("event:message\n"u8);
                copied = at;
            }

            start = _start.AsSpan(0, _length);
            _isTyped = start.SequenceEqual("event"u8) || (_isTyped && _length > 0 && !start.SequenceEqual("data:"u8));
            _length = 0;
        }

        added?.Write(bytes[copied..]);
        return added?.WrittenSpan.ToArray();
    }

    // Only a line that has the word can set a type, and the last line may become one. All other lines are skipped.
    private int Skip(ReadOnlySpan<byte> bytes, int at)
    {
        if (_isTyped || _length > 0)
        {
            return at;
        }

        ReadOnlySpan<byte> rest = bytes[at..];
        int next = rest.IndexOf("event"u8);
        return at + (next < 0 ? rest : rest[..next]).LastIndexOfAny(CarriageReturn, LineFeed) + 1;
    }
}
