using System.Runtime.CompilerServices;

namespace FuncSse.Client;

/// <summary>
/// The body of a response on its way to the parser. It ends a wait that lasts too long, and bounds what the parser must keep, since the
/// parser grows with a line and with an event.
/// </summary>
internal sealed class SseResponseStream(Stream body, SseClientOptions options, CancellationTokenSource end) : Stream
{
    private const byte CarriageReturn = (byte)'\r';
    private const byte LineFeed = (byte)'\n';

    // Most events are smaller, so their bytes need not be looked at.
    private readonly int _lookFrom = Math.Min(options.MaxEventSize / 2, 64 * 1024);

    private readonly SseEmptyBlocks _emptyBlocks = new();
    private ReadOnlyMemory<byte> _rest; // What the parser gets before the body is read on.

    private int _held; // What came since the last event, without the comments that were seen to end.
    private int _comment; // What came of the comment that the last bytes belong to.
    private bool _isComment;
    private bool _isLineStart = true;
    private bool _skipsLineFeed;
    private long _lastEvents;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>How many events the parser has dispatched. It keeps nothing of them.</summary>
    public long Events { get; set; }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))] // A read takes no memory.
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (_rest.IsEmpty)
        {
            ValueTask<int> read = body.ReadAsync(buffer, cancellationToken);
            int count;
            if (read.IsCompletedSuccessfully)
            {
                count = read.Result;
            }
            else
            {
                end.CancelAfter(options.Silence);
                count = await read.ConfigureAwait(false);
                end.CancelAfter(Timeout.InfiniteTimeSpan);
            }

            if (count == 0)
            {
                return 0;
            }

            count = EndLines(buffer.Span[..count]);
            _rest = _emptyBlocks.Follow(buffer.Span[..count]);
            if (_rest.IsEmpty && count > 0)
            {
                Count(buffer.Span[..count]);
                return count;
            }
        }

        int taken = Math.Min(buffer.Length, _rest.Length);
        _rest[..taken].CopyTo(buffer);
        _rest = _rest[taken..];
        Count(buffer.Span[..taken]);
        return taken;
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush() => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    // The parser waits after a CR for the byte that follows, so an event whose lines end with CR would be held back until the next one.
    private int EndLines(Span<byte> bytes)
    {
        if (_skipsLineFeed && bytes[0] == LineFeed)
        {
            bytes[1..].CopyTo(bytes);
            bytes = bytes[..^1];
        }

        _skipsLineFeed = bytes is [.., CarriageReturn];
        for (int last = bytes.Length - 1; last >= 0 && bytes[last] == CarriageReturn; last--)
        {
            bytes[last] = LineFeed;
        }

        return bytes.Length;
    }

    private void Count(ReadOnlySpan<byte> bytes)
    {
        _held = Events == _lastEvents ? _held + bytes.Length : bytes.Length;
        _lastEvents = Events;
        if (_held > _lookFrom)
        {
            Look(bytes);
        }
        else
        {
            _isComment = false; // Its bytes were not looked at, so they count.
            _comment = 0;
        }

        _isLineStart = bytes[^1] == LineFeed;
        if (_held > options.MaxEventSize)
        {
            throw new SseEventTooLargeException(options.MaxEventSize);
        }
    }

    // Subtracts what the parser does not keep: comments that have ended, and all before an empty line.
    private void Look(ReadOnlySpan<byte> bytes)
    {
        for (bool isStart = _isLineStart; !bytes.IsEmpty; isStart = true)
        {
            if (isStart)
            {
                _isComment = bytes[0] == (byte)':';
                _comment = 0;
            }

            int end = bytes.IndexOfAny(CarriageReturn, LineFeed);
            int length = end < 0 ? bytes.Length : bytes[end..].StartsWith("\r\n"u8) ? end + 2 : end + 1;
            _comment += _isComment ? length : 0;
            bytes = bytes[length..];
            if (end == 0 && isStart)
            {
                _held = bytes.Length;
            }
            else if (end >= 0)
            {
                _held -= _comment;
            }
        }
    }
}
