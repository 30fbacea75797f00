using System.Globalization;
using System.IO.Pipelines;
using System.Text;

namespace FuncSse.Streaming;

/// <summary>
/// Writes the frames of an event stream to a pipe (WHATWG HTML §9.2.5). Nothing reaches the reader before <see cref="FlushAsync"/>.
/// </summary>
/// <remarks>It is not safe for use by several threads at once.</remarks>
/// <param name="output">Takes the frames, in UTF-8 without a byte order mark.</param>
internal sealed class SseStreamWriter(PipeWriter output)
{
    /// <summary>
    /// How much of an event is written between two flushes, in characters or bytes, so that a large event does not take all its memory at once.
    /// </summary>
    public const int DataWindow = 16 * 1024;

    // The part of the last event that is not written yet: its data from _position on, or the rest of its frame.
    private string? _data;
    private ReadOnlyMemory<byte> _rest;
    private int _position;

    // What follows the data of the event that is being written.
    private TimeSpan? _retry;
    private string? _id;

    /// <summary>How often the reader has taken what was written. While a flush waits and this does not change, the client does not read.</summary>
    public int Flushes { get; private set; }

    /// <summary>Bytes that were written since the last flush. A large event counts as one window.</summary>
    public int Unflushed { get; private set; }

    private bool IsPending => _data is not null || !_rest.IsEmpty;

    /// <summary>Writes a <c>retry:</c> frame, which says how long the client waits before it reconnects.</summary>
    /// <param name="reconnectionInterval">The wait. The wire has whole milliseconds, so a fraction is dropped.</param>
    public void WriteRetry(TimeSpan reconnectionInterval)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(reconnectionInterval, TimeSpan.Zero);
        SseFrame frame = Begin();
        WriteRetryField(ref frame, reconnectionInterval);
        frame.Write("\n"u8);
        Commit(ref frame);
    }

    /// <summary>Writes a comment, which clients ignore. It keeps proxies from closing the connection (WHATWG HTML §9.2.7).</summary>
    /// <param name="padding">How many spaces the comment has.</param>
    public void WriteComment(int padding = 0)
    {
        ReadOnlySpan<byte> spaces = "                                                                "u8;
        SseFrame frame = Begin();
        frame.Write(":"u8);
        for (int left = padding; left > 0; left -= spaces.Length)
        {
            frame.Write(spaces[..Math.Min(left, spaces.Length)]);
        }

        frame.Write("\n\n"u8);
        Commit(ref frame);
    }

    /// <summary>Writes an event. The part of its data beyond the first 16 K characters is encoded while <see cref="FlushAsync"/> flushes.</summary>
    /// <param name="data">The data, split at CR, LF and CRLF into as many <c>data:</c> lines. A lone surrogate becomes U+FFFD.</param>
    /// <param name="eventType">The event's type; <see langword="null"/> for the default, <c>message</c>.</param>
    /// <param name="eventId">The event's id; <see langword="null"/> for none, empty to make the client forget the last one.</param>
    /// <param name="reconnectionInterval">How long the client waits from now on before it reconnects; <see langword="null"/> for no change.</param>
    /// <exception cref="ArgumentException"><see cref="SseFields"/> refuses the id or the type, or the interval is negative. Nothing has been written.</exception>
    public void WriteEvent(string data, string? eventType = null, string? eventId = null, TimeSpan? reconnectionInterval = null)
    {
        ArgumentNullException.ThrowIfNull(data);
        SseFrame frame = BeginEvent(eventType, eventId, reconnectionInterval);
        _data = data;
        _position = 0;
        WriteData(ref frame);
        Commit(ref frame);
    }

    /// <summary>Writes an event whose data is already UTF-8.</summary>
    public void WriteEvent(ReadOnlySpan<byte> data, string? eventType = null, string? eventId = null, TimeSpan? reconnectionInterval = null)
    {
        if (data.Length > DataWindow)
        {
            WriteEvent(Encoding.UTF8.GetString(data), eventType, eventId, reconnectionInterval); // Large events are rare, so one path is enough.
            return;
        }

        SseFrame frame = BeginEvent(eventType, eventId, reconnectionInterval);
        for (int lineEnd; (lineEnd = data.IndexOfAny("\r\n"u8)) >= 0;)
        {
            frame.Write(data[..lineEnd]);
            frame.Write("\ndata: "u8);
            data = data[(lineEnd + (data[lineEnd..].StartsWith("\r\n"u8) ? 2 : 1))..];
        }

        frame.Write(data);
        EndEvent(ref frame);
        Commit(ref frame);
    }

    /// <summary>Writes a frame that is already encoded. The part beyond the first 16 KB is written while <see cref="FlushAsync"/> flushes.</summary>
    /// <param name="frame">The whole frame, with the empty line at its end. It must not change before the next flush has ended.</param>
    public void WriteFrame(ReadOnlyMemory<byte> frame)
    {
        Finish();
        _rest = frame;
        WriteMore();
    }

    /// <summary>Counts bytes that something else has written to the output, and that wait for a flush.</summary>
    public void AddUnflushed(int bytes) => Unflushed += bytes;

    /// <summary>Sends all that was written, and waits while the reader is too far behind.</summary>
    /// <returns>The result of the last flush: <see cref="FlushResult.IsCompleted"/> if the reader has gone.</returns>
    public ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        if (IsPending)
        {
            return FlushPendingAsync(cancellationToken);
        }

        Flushes++;
        Unflushed = 0;
        return output.FlushAsync(cancellationToken);
    }

    private async ValueTask<FlushResult> FlushPendingAsync(CancellationToken cancellationToken)
    {
        while (IsPending)
        {
            FlushResult result = await output.FlushAsync(cancellationToken);
            Flushes++;
            if (result.IsCompleted || result.IsCanceled)
            {
                return result;
            }

            WriteMore();
        }

        Unflushed = 0;
        return await output.FlushAsync(cancellationToken);
    }

    private SseFrame Begin()
    {
        Finish();
        return new SseFrame(output);
    }

    private SseFrame BeginEvent(string? eventType, string? eventId, TimeSpan? reconnectionInterval)
    {
        SseFields.CheckType(eventType);
        SseFields.CheckId(eventId);
        ArgumentOutOfRangeException.ThrowIfLessThan(reconnectionInterval.GetValueOrDefault(), TimeSpan.Zero, nameof(reconnectionInterval));
        SseFrame frame = Begin();
        (_retry, _id) = (reconnectionInterval, eventId);
        if (eventType is not null)
        {
            frame.Write("event: "u8);
            frame.Write(eventType);
            frame.Write("\n"u8);
        }

        frame.Write("data: "u8);
        return frame;
    }

    // The id comes last. Some clients take it as soon as they have read its line, and would lose an event that is cut off after it.
    private void EndEvent(ref SseFrame frame)
    {
        frame.Write("\n"u8);
        if (_retry is { } interval)
        {
            WriteRetryField(ref frame, interval);
        }

        if (_id is not null)
        {
            frame.Write("id: "u8);
            frame.Write(_id);
            frame.Write("\n"u8);
        }

        frame.Write("\n"u8);
    }

    private void Commit(ref SseFrame frame)
    {
        frame.Commit();
        Unflushed += frame.Length;
    }

    private void Finish()
    {
        while (IsPending)
        {
            WriteMore();
        }
    }

    private void WriteMore()
    {
        var frame = new SseFrame(output);
        if (_data is not null)
        {
            WriteData(ref frame);
        }
        else
        {
            int length = Math.Min(_rest.Length, DataWindow);
            frame.Write(_rest.Span[..length]);
            _rest = length < _rest.Length ? _rest[length..] : default; // An empty rest would keep the frame's array for as long as the stream is idle.
        }

        Commit(ref frame);
    }

    // Encodes at most one window, line by line. The frame ends when its data ends.
    private void WriteData(ref SseFrame frame)
    {
        int end = Math.Min(_data!.Length, _position + DataWindow);
        if (end < _data.Length && (char.IsHighSurrogate(_data[end - 1]) || _data[end - 1] == '\r'))
        {
            end--; // A window must not end within a character or a CRLF.
        }

        ReadOnlySpan<char> window = _data.AsSpan(_position, end - _position);
        for (int lineEnd; (lineEnd = window.IndexOfAny('\r', '\n')) >= 0;)
        {
            frame.Write(window[..lineEnd]);
            frame.Write("\ndata: "u8);
            window = window[(lineEnd + (window[lineEnd..].StartsWith("\r\n") ? 2 : 1))..];
        }

        frame.Write(window);
        _position = end;
        if (end == _data.Length)
        {
            EndEvent(ref frame);
            _data = null;
        }
    }

    // Clients ignore the field if it contains anything but digits (WHATWG HTML §9.2.6).
    private static void WriteRetryField(ref SseFrame frame, TimeSpan interval)
    {
        Span<byte> digits = stackalloc byte[20];
        ((long)interval.TotalMilliseconds).TryFormat(digits, out int length, provider: CultureInfo.InvariantCulture);
        frame.Write("retry: "u8);
        frame.Write(digits[..length]);
        frame.Write("\n"u8);
    }
}
