using System.Buffers.Text;
using System.Text;

namespace FuncSse.Benchmarks;

/// <summary>Reads an HTTP response with an event stream, and reports the number that the data of each event begins with.</summary>
/// <remarks>It understands SignalR as well: each event there has one or more messages, and a message has the data as its argument.</remarks>
internal sealed class ResponseReader(Action<long> onEvent)
{
    // The head, and the lines around the chunks of the body.
    private readonly LineReader _framing = new();
    private readonly LineReader _body = new();
    private bool _isHeadRead;
    private bool _isChunked;
    private int _chunkLeft;
    private long? _number;

    /// <exception cref="InvalidDataException">It is no event stream, its end, or an event without a number.</exception>
    public void Read(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            if (_chunkLeft > 0)
            {
                int length = Math.Min(_chunkLeft, bytes.Length);
                ReadBody(bytes[..length]);
                bytes = bytes[length..];
                _chunkLeft -= _isChunked ? length : 0;
            }
            else if (_framing.TryRead(ref bytes, out ReadOnlySpan<byte> line))
            {
                ReadFraming(line);
            }
        }
    }

    private void ReadFraming(ReadOnlySpan<byte> line)
    {
        if (_isHeadRead)
        {
            // An empty line ends a chunk, and the others are sizes.
            if (!line.IsEmpty && (!Utf8Parser.TryParse(line, out _chunkLeft, out _, 'x') || _chunkLeft == 0))
            {
                throw new InvalidDataException("the server ended the stream");
            }
        }
        else if (line.IsEmpty)
        {
            _isHeadRead = true;
            _chunkLeft = _isChunked ? 0 : int.MaxValue;
        }
        else if (line.StartsWith("HTTP/"u8) && !line.StartsWith("HTTP/1.1 200 "u8))
        {
            throw new InvalidDataException(Encoding.ASCII.GetString(line));
        }
        else
        {
            _isChunked |= Ascii.EqualsIgnoreCase(line, "transfer-encoding: chunked"u8);
        }
    }

    private void ReadBody(ReadOnlySpan<byte> bytes)
    {
        while (_body.TryRead(ref bytes, out ReadOnlySpan<byte> line))
        {
            if (line.StartsWith("data: {"u8))
            {
                ReadMessages(line);
            }
            else if (line.StartsWith("data:"u8) && line.Length > "data: "u8.Length)
            {
                _number = Number(line["data:"u8.Length..].TrimStart((byte)' '));
            }
            else if (line.IsEmpty && _number is { } number)
            {
                _number = null;
                onEvent(number);
            }
        }
    }

    // SignalR's pings and its answer to the handshake, and FuncSse's position frames, have no argument.
    private void ReadMessages(ReadOnlySpan<byte> line)
    {
        ReadOnlySpan<byte> argument = "\"arguments\":[\""u8;
        for (int found = line.IndexOf(argument); found >= 0; found = line.IndexOf(argument))
        {
            line = line[(found + argument.Length)..];
            onEvent(Number(line));
        }
    }

    private static long Number(ReadOnlySpan<byte> value) => Utf8Parser.TryParse(value, out long number, out _)
        ? number
        : throw new InvalidDataException("the data of an event begins with no number");
}
