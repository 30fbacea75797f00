using System.Buffers;
using System.Globalization;
using System.Net.ServerSentEvents;
using System.Text;

namespace FuncSse.Client;

/// <summary>
/// Takes the bytes of one response, in any pieces, and gives its events, as the HTML standard says (§9.2.6). The platform's parser is not
/// used: it has no limit that can be set, holds back an event whose lines end with CR, and gives the type of a block without data to the
/// next event.
/// </summary>
/// <param name="client">Whose limit there is, and whose meter counts the events.</param>
/// <param name="parse">Makes the data of an event.</param>
/// <param name="reads">Whether events of a type are given. Others are passed over, and their ids count.</param>
/// <param name="lastEventId">The id before the first event.</param>
internal sealed class SseDecoder<T>(SseClient client, SseItemParser<T> parse, Func<string, bool> reads, string? lastEventId)
{
    private const byte CarriageReturn = (byte)'\r';
    private const byte LineFeed = (byte)'\n';

    private int _taken; // So many of the bytes were taken.
    private int _searched; // So many of those that follow are known to have no line end.
    private byte _lastTaken; // 0 at the beginning of the stream.

    private readonly bool _readsMessages = reads(SseParser.EventTypeDefault); // Most events have no type.

    // The event that is coming.
    private readonly ArrayBufferWriter<byte> _data = new(); // A line feed follows each line.
    private int _size;
    private string? _type;
    private string? _id;
    private TimeSpan? _retry;

    /// <summary>Where the bytes go.</summary>
    public ArrayBufferWriter<byte> Bytes { get; } = new();

    /// <summary>Whether an event came, also one that was passed over.</summary>
    public bool HasEvent { get; private set; }

    /// <summary>The id of the last event that had one, also of one that was passed over.</summary>
    public string? LastEventId { get; private set; } = lastEventId;

    /// <summary>The last wait that the server named, a day at most.</summary>
    public TimeSpan? Retry { get; private set; }

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

    // An event whose lines end with CR does not wait for the byte that follows: an LF after a CR is left out when the next line is taken.
    private bool TryTakeLine(out ReadOnlySpan<byte> line)
    {
        line = Bytes.WrittenSpan[_taken..];
        if (_lastTaken == CarriageReturn && line is [LineFeed, ..])
        {
            _lastTaken = LineFeed;
            _taken++;
            line = line[1..];
        }

        int end = line[_searched..].IndexOfAny(CarriageReturn, LineFeed);
        int size = end < 0 ? line.Length : _searched + end + 1;
        if (_size + size > client.Options.MaxEventSize)
        {
            throw new SseEventTooLargeException(client.Options.MaxEventSize);
        }

        if (end < 0)
        {
            Bytes.ResetWrittenCount();
            Bytes.Write(line);
            (_taken, _searched) = (0, size);
            return false;
        }

        bool hasMark = _lastTaken == 0 && line.StartsWith(Encoding.UTF8.Preamble);
        (_lastTaken, _taken, _searched) = (line[size - 1], _taken + size, 0);
        line = line[(hasMark ? Encoding.UTF8.Preamble.Length : 0)..(size - 1)];
        _size += line is [(byte)':', ..] ? 0 : size; // Nothing is kept of a comment.
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
            Span<byte> data = _data.GetSpan(value.Length + 1);
            value.CopyTo(data);
            data[value.Length] = LineFeed;
            _data.Advance(value.Length + 1);
        }
        else if (name.SequenceEqual("event"u8))
        {
            _type = value.IsEmpty ? null : Encoding.UTF8.GetString(value);
        }
        else if (name.SequenceEqual("id"u8) && !value.Contains((byte)0))
        {
            _id = Encoding.UTF8.GetString(value);
        }
        else if (name.SequenceEqual("retry"u8) && value.Length > 0 && !value.ContainsAnyExceptInRange((byte)'0', (byte)'9'))
        {
            TimeSpan longest = SseClientOptions.MaxWait;
            Retry = _retry = int.TryParse(value, CultureInfo.InvariantCulture, out int wait) && wait < longest.TotalMilliseconds
                ? TimeSpan.FromMilliseconds(wait)
                : longest;
        }
    }

    // An empty line ends a block. A block without data is no event, but its id counts for the next one.
    private bool TryTakeEvent(out SseItem<T> item)
    {
        string type = _type ?? SseParser.EventTypeDefault;
        bool isEvent = _data.WrittenCount > 0;
        bool isRead = isEvent && (_type is null ? _readsMessages : reads(type));
        try
        {
            item = !isRead ? default
                : new SseItem<T>(parse(type, _data.WrittenSpan[..^1]), type) { EventId = _id, ReconnectionInterval = _retry };
        }
        finally
        {
            (_type, _size) = (null, 0); // Also after data that cannot be read, so that the next event is whole.
            if (isEvent)
            {
                client.Metrics.Received.Add(1);
                HasEvent = true;
                LastEventId = _id ?? LastEventId;
                (_id, _retry) = (null, null);
                _data.ResetWrittenCount();
            }
        }

        return isRead;
    }
}
