using System.Globalization;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace FuncSse.Streaming;

/// <summary>
/// Writes the frames of an event stream to a pipe (WHATWG HTML §9.2.5). Nothing reaches the reader before <see cref="FlushAsync"/>.
/// </summary>
/// <remarks>Not safe for use by several threads at once: a stream has one writer.</remarks>
/// <param name="output">Where the frames go: UTF-8, without a byte order mark.</param>
public sealed class SseStreamWriter(PipeWriter output)
{
    /// <summary>How many characters of an event's data are encoded between two flushes, so that a large event is never held whole.</summary>
    internal const int DataWindow = 16 * 1024;

    // The data of the last event that is still to be encoded, from _position on.
    private string? _data;
    private int _position;

    /// <summary>How often the reader has taken what was written: a flush that hangs while this stands still is one that nobody reads.</summary>
    internal int Flushes { get; private set; }

    /// <summary>Writes a <c>retry:</c> frame: how long the client waits before it comes back when the stream breaks off.</summary>
    /// <param name="reconnectionInterval">The time, in whole milliseconds on the wire (a fraction is dropped).</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="reconnectionInterval"/> is negative.</exception>
    public void WriteRetry(TimeSpan reconnectionInterval)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(reconnectionInterval, TimeSpan.Zero);
        FinishData();
        var frame = new SseFrame(output);
        WriteRetryField(ref frame, reconnectionInterval);
        frame.Write("\n"u8);
        frame.Commit();
    }

    /// <summary>Writes an empty comment, which every client ignores: a sign of life for whatever stands between (WHATWG HTML §9.2.7).</summary>
    public void WriteComment()
    {
        FinishData();
        var frame = new SseFrame(output);
        frame.Write(":\n\n"u8);
        frame.Commit();
    }

    /// <summary>Writes an event. The part of its data beyond the first 16 K characters is encoded while <see cref="FlushAsync"/> flushes.</summary>
    /// <param name="data">The data, split at CR, LF and CRLF into as many <c>data:</c> lines. A lone surrogate becomes U+FFFD.</param>
    /// <param name="eventType">The event's type; <see langword="null"/> for the default, <c>message</c>.</param>
    /// <param name="eventId">The event's id; <see langword="null"/> for none, empty to make the client forget the last one.</param>
    /// <param name="reconnectionInterval">What the client is to wait from now on before it comes back; <see langword="null"/> for no change.</param>
    /// <exception cref="ArgumentException">
    /// <paramref name="eventType"/> or <paramref name="eventId"/> holds CR, LF or NUL: it would forge a frame or be ignored by the client
    /// (WHATWG HTML §9.2.6). Nothing has been written.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="reconnectionInterval"/> is negative. Nothing has been written.</exception>
    public void WriteEvent(string data, string? eventType = null, string? eventId = null, TimeSpan? reconnectionInterval = null)
    {
        ArgumentNullException.ThrowIfNull(data);
        ThrowIfForged(eventType);
        ThrowIfForged(eventId);
        ArgumentOutOfRangeException.ThrowIfLessThan(reconnectionInterval.GetValueOrDefault(), TimeSpan.Zero, nameof(reconnectionInterval));
        FinishData();

        var frame = new SseFrame(output);
        if (eventId is not null)
        {
            frame.Write("id: "u8);
            frame.Write(eventId);
            frame.Write("\n"u8);
        }

        if (eventType is not null)
        {
            frame.Write("event: "u8);
            frame.Write(eventType);
            frame.Write("\n"u8);
        }

        if (reconnectionInterval is { } interval)
        {
            WriteRetryField(ref frame, interval);
        }

        frame.Write("data: "u8);
        _data = data;
        _position = 0;
        WriteData(ref frame);
        frame.Commit();
    }

    /// <summary>Hands all that was written to the reader, and waits while the reader is too far behind.</summary>
    /// <param name="cancellationToken">Ends the wait with an <see cref="OperationCanceledException"/>.</param>
    /// <returns>The last flush's result: <see cref="FlushResult.IsCompleted"/> when the reader is gone.</returns>
    public ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        if (_data is not null)
        {
            return FlushDataAsync(cancellationToken);
        }

        Flushes++;
        return output.FlushAsync(cancellationToken);
    }

    private async ValueTask<FlushResult> FlushDataAsync(CancellationToken cancellationToken)
    {
        while (_data is not null)
        {
            FlushResult result = await output.FlushAsync(cancellationToken);
            Flushes++;
            if (result.IsCompleted || result.IsCanceled)
            {
                return result;
            }

            WriteMoreData();
        }

        return await output.FlushAsync(cancellationToken);
    }

    private void FinishData()
    {
        while (_data is not null)
        {
            WriteMoreData();
        }
    }

    private void WriteMoreData()
    {
        var frame = new SseFrame(output);
        WriteData(ref frame);
        frame.Commit();
    }

    // Encodes at most a window's worth, line by line; the frame's last line ends, and with it the frame, when the data does.
    private void WriteData(ref SseFrame frame)
    {
        int end = Math.Min(_data!.Length, _position + DataWindow);
        if (end < _data.Length && (char.IsHighSurrogate(_data[end - 1]) || _data[end - 1] == '\r'))
        {
            end--; // Neither a character nor a CRLF may fall between two windows.
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
            frame.Write("\n\n"u8);
            _data = null;
        }
    }

    // Digits only: clients ignore the field if anything else stands in it (WHATWG HTML §9.2.6).
    private static void WriteRetryField(ref SseFrame frame, TimeSpan interval)
    {
        Span<byte> digits = stackalloc byte[20];
        ((long)interval.TotalMilliseconds).TryFormat(digits, out int length, provider: CultureInfo.InvariantCulture);
        frame.Write("retry: "u8);
        frame.Write(digits[..length]);
        frame.Write("\n"u8);
    }

    private static void ThrowIfForged(string? field, [CallerArgumentExpression(nameof(field))] string? name = null)
    {
        if (field.AsSpan().ContainsAny('\r', '\n', '\0'))
        {
            throw new ArgumentException("CR, LF and NUL are not allowed here.", name);
        }
    }
}
