using System.Buffers.Text;
using System.Text;

namespace FuncSse.Benchmarks;

/// <summary>Takes what has come of a body.</summary>
internal delegate void BodyReader(ReadOnlySpan<byte> bytes);

/// <summary>Reads an HTTP response: its head, then its body, in chunks or until the end.</summary>
internal sealed class ResponseReader(BodyReader body)
{
    private readonly LineBuffer _lines = new();
    private Part _part;
    private bool _found;
    private bool _eventStream;
    private bool _chunked;
    private int _chunkLeft;

    private enum Part
    {
        Head,
        ChunkSize,
        Body,
        ChunkEnd,
    }

    /// <exception cref="InvalidDataException">This is no event stream.</exception>
    public void Read(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            if (_part == Part.Body)
            {
                ReadBody(ref bytes);
            }
            else if (_lines.TryTake(ref bytes, out ReadOnlySpan<byte> line))
            {
                _part = _part switch
                {
                    Part.Head => ReadHead(line),
                    Part.ChunkSize => ReadChunkSize(line),
                    _ => Part.ChunkSize,
                };
            }
        }
    }

    private void ReadBody(ref ReadOnlySpan<byte> bytes)
    {
        int length = _chunked ? Math.Min(_chunkLeft, bytes.Length) : bytes.Length;
        body(bytes[..length]);
        bytes = bytes[length..];
        _chunkLeft -= length;
        if (_chunked && _chunkLeft == 0)
        {
            _part = Part.ChunkEnd;
        }
    }

    private Part ReadHead(ReadOnlySpan<byte> line)
    {
        _found |= line.StartsWith("HTTP/1.1 200 "u8);
        _eventStream |= IsHeader(line, "content-type: text/event-stream"u8);
        _chunked |= IsHeader(line, "transfer-encoding: chunked"u8);
        if (!line.IsEmpty)
        {
            return Part.Head;
        }

        if (!_found || !_eventStream)
        {
            throw new InvalidDataException("the response is no event stream");
        }

        return _chunked ? Part.ChunkSize : Part.Body;
    }

    private Part ReadChunkSize(ReadOnlySpan<byte> line)
    {
        if (!Utf8Parser.TryParse(line, out _chunkLeft, out _, 'x') || _chunkLeft == 0)
        {
            throw new InvalidDataException("the server ended the stream");
        }

        return Part.Body;
    }

    private static bool IsHeader(ReadOnlySpan<byte> line, ReadOnlySpan<byte> lowerCase) =>
        line.Length >= lowerCase.Length && Ascii.EqualsIgnoreCase(line[..lowerCase.Length], lowerCase);
}
