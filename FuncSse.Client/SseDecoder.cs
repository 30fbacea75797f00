using System.Buffers;
using System.Globalization;
using System.Net.ServerSentEvents;
using System.Text;

namespace FuncSse.Client;

/// <summary>
/// Takes the bytes of one response, in any pieces, and gives its events, as the HTML standard says (§9.2.6). The platform's parser is not used:
/// it has no limit that can be set, holds back an event whose lines end with CR, and gives the type of a block without data to the next event.
/// </summary>
/// <param name="client">Whose limit there is, and whose meter counts the events.</param>
/// <param name="parse">Makes the data of an event.</param>
/// <param name="reads">Whether events of a type are given. Others are passed over, and their ids count.</param>
/// <param name="lastEventId">The id before the first event.</param>
internal sealed class SseDecoder<T>(SseClient client, SseItemParser<T> parse, Func<string, bool> reads, string? lastEventId)
{
    private const byte CarriageReturn = (byte)'\r';
    private const byte LineFeed = (byte)'\n';

    // The bytes that were not taken.
    private byte[] _buffer = new byte[4096];
    private int _start;
    private int _end;
    private int _searched; // So many of them are known to have no line end.
    private bool _isFirstLine = true;
    private bool _isAfterCarriageReturn;

    // The event that is coming.
    private readonly ArrayBufferWriter<byte> _data = new(); // A line feed follows each line.
    private int _size;
    private string? _type;
    private string? _id;
    private TimeSpan? _retry;

    /// <summary>Whether an event came, also one that was passed over.</summary>
    public bool HasEvent { get; private set; }

    /// <summary>The id of the last event that had one, also of one that was passed over.</summary>
    public string? LastEventId { get; private set; } = lastEventId;

    /// <summary>The last wait that the server named, a day at most.</summary>
    public TimeSpan? Retry { get; private set; }

    /// <summary>Where the next bytes go. <see cref="Advance"/> says how many came.</summary>
    public Memory<byte> GetMemory()
    {
        _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
        (_start, _end) = (0, _end - _start);
        if (_end == _buffer.Length)
        {
            Array.Resize(ref _buffer, 2 * _end);
        }

        return _buffer.AsMemory(_end);
    }

    public void Advance(int count) => _end += count;

    /// <returns>Whether there was a whole event; if not, more bytes are needed.</returns>
    /// <exception cref="SseEventTooLargeException">The event that is coming, or a comment, is larger than the limit.</exception>
    public bool TryRead(out SseItem<T> item)
    {
        while (TryTakeLine(out ReadOnlySpan<byte> line))
        {
            if (!line.IsEmpty)
            {
                TakeField(line);
            }
            else if (TryTakeEvent(out item))
            {
                return true;
            }
        }

        item = default;
        return false;
    }

    // An event whose lines end with CR must not wait for the byte that follows, so an LF that follows a CR is skipped later.
    private bool TryTakeLine(out ReadOnlySpan<byte> line)
    {
        if (_isAfterCarriageReturn && _start < _end)
        {
            _start += _buffer[_start] == LineFeed ? 1 : 0;
            _isAfterCarriageReturn = false;
        }

        line = _buffer.AsSpan(_start, _end - _start);
        int end = line[_searched..].IndexOfAny(CarriageReturn, LineFeed);
        int size = end < 0 ? line.Length : _searched + end + 1;
        if (_size + size > client.Options.MaxEventSize)
        {
            throw new SseEventTooLargeException(client.Options.MaxEventSize);
        }

        if (end < 0)
        {
            _searched = size;
            return false;
        }

        _isAfterCarriageReturn = line[size - 1] == CarriageReturn;
        line = line[..(size - 1)];
        _start += size;
        _searched = 0;
        _size += line is [(byte)':', ..] ? 0 : size; // Nothing is kept of a comment.
        line = _isFirstLine && line.StartsWith(Encoding.UTF8.Preamble) ? line[Encoding.UTF8.Preamble.Length..] : line;
        _isFirstLine = false;
        return true;
    }

    private void TakeField(ReadOnlySpan<byte> line)
    {
        int colon = line.IndexOf((byte)':');
        ReadOnlySpan<byte> name = colon < 0 ? line : line[..colon];
        ReadOnlySpan<byte> value = colon < 0 ? default : line[(colon + 1)..];
        value = value is [(byte)' ', ..] ? value[1..] : value;
        if (name.SequenceEqual("data"u8))
        {
            _data.Write(value);
            _data.Write("\n"u8);
        }
        else if (name.SequenceEqual("event"u8))
        {
            _type = value.IsEmpty ? null : Encoding.UTF8.GetString(value);
        }
        else if (name.SequenceEqual("id"u8) && !value.Contains((byte)0))
        {
            _id = Encoding.UTF8.GetString(value);
        }
        else if (name.SequenceEqual("retry"u8) && long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out long milliseconds))
        {
            _retry = TimeSpan.FromMilliseconds(Math.Min(milliseconds, SseClientOptions.MaxWait.TotalMilliseconds));
            Retry = _retry;
        }
    }

    // An empty line ends a block. A block without data is no event, but what it says of the id counts for the next one.
    private bool TryTakeEvent(out SseItem<T> item)
    {
        string type = _type ?? SseParser.EventTypeDefault;
        (_type, _size) = (null, 0);
        bool isRead = _data.WrittenCount > 0 && reads(type);
        item = isRead ? new SseItem<T>(parse(type, _data.WrittenSpan[..^1]), type) { EventId = _id, ReconnectionInterval = _retry } : default;
        if (_data.WrittenCount > 0)
        {
            HasEvent = true;
            client.Metrics.Received.Add(1);
            LastEventId = _id ?? LastEventId;
            (_id, _retry) = (null, null);
            _data.ResetWrittenCount();
        }

        return isRead;
    }
}
