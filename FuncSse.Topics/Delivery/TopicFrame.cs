using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace FuncSse.Topics;

/// <summary>Encodes the frames of a topic stream (WHATWG HTML §9.2.5).</summary>
internal static class TopicFrame
{
    /// <summary>As little is escaped as JSON allows.</summary>
    public static readonly JsonWriterOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    private static ReadOnlySpan<byte> DataField => "data: "u8;

    /// <summary>Sets the client's last event id. <c>onmessage</c> does not see it.</summary>
    public static byte[] Position(LogPosition position) => Encoding.UTF8.GetBytes($"event: position\ndata: {{}}\nid: {position}\n\n");

    /// <summary>
    /// Tells the client that it lost something. It has no id where a position frame follows: a client that is cut between the two comes back with its
    /// old id, and is told again.
    /// </summary>
    public static byte[] Reset(string reason, LogPosition? id = null) =>
        Encoding.UTF8.GetBytes($"event: reset\ndata: {{\"reason\":\"{reason}\"}}\n{(id is null ? "" : $"id: {id}\n")}\n");

    /// <summary>
    /// An event; its data is split at CR, LF and CRLF. The id comes last: some clients store an id as soon as they read its line, and would lose
    /// an event that is cut after it.
    /// </summary>
    /// <param name="id">The event's position; <see langword="null"/> for a retained value.</param>
    /// <param name="type">The event's type, if it has one.</param>
    /// <param name="data">The data: UTF-8.</param>
    public static ReadOnlySpan<byte> Event(LogPosition? id, string? type, ReadOnlySpan<byte> data)
    {
        var frame = new ArrayBufferWriter<byte>(data.Length + 128);
        if (type is not null)
        {
            Encoding.UTF8.GetBytes($"event: {type}\n", frame);
        }

        frame.Write(DataField);
        for (int lineEnd; (lineEnd = data.IndexOfAny((byte)'\r', (byte)'\n')) >= 0;)
        {
            frame.Write(data[..lineEnd]);
            frame.Write("\ndata: "u8);
            data = data[(lineEnd + (data[lineEnd..].StartsWith("\r\n"u8) ? 2 : 1))..];
        }

        frame.Write(data);
        Encoding.UTF8.GetBytes(id is null ? "\n\n" : $"\nid: {id}\n\n", frame);
        return frame.WrittenSpan;
    }

    /// <summary>A retained value.</summary>
    public static byte[] Value(EventRecord record, bool inEnvelope) =>
        (inEnvelope ? Envelope(record, id: null) : Event(id: null, record.Type, record.Data.Span)).ToArray();

    /// <summary>An event whose data is its envelope.</summary>
    public static ReadOnlySpan<byte> Envelope(EventRecord record, LogPosition? id)
    {
        var envelope = new ArrayBufferWriter<byte>(record.Data.Length + 256);
        using (var json = new Utf8JsonWriter(envelope, Json))
        {
            WriteEnvelope(json, record, id);
        }

        return Event(id, record.Type, envelope.WrittenSpan);
    }

    /// <summary>
    /// Writes <c>{"id":…,"topic":…,"type":…,"published":"…","retained":…,"data":"…"}</c>. A retained value has no id, and an event that is sent as it is
    /// published is not one.
    /// </summary>
    public static void WriteEnvelope(Utf8JsonWriter json, EventRecord record, LogPosition? id)
    {
        json.WriteStartObject();
        json.WriteString("id"u8, id?.ToString());
        json.WriteString("topic"u8, record.Topic);
        json.WriteString("type"u8, record.Type);
        json.WriteString("published"u8, record.Published.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
        json.WriteBoolean("retained"u8, id is null);
        json.WriteString("data"u8, record.Data.Span);
        json.WriteEndObject();
    }

    /// <summary>Reads the data of a frame that <see cref="Event"/> made, with LF as the end of each line.</summary>
    public static byte[] ReadData(ReadOnlySpan<byte> frame)
    {
        var data = new ArrayBufferWriter<byte>(frame.Length);
        bool isFirst = true;
        foreach (Range line in frame.Split((byte)'\n'))
        {
            if (frame[line].StartsWith(DataField))
            {
                data.Write(isFirst ? default : "\n"u8);
                isFirst = false;
                data.Write(frame[line][DataField.Length..]);
            }
        }

        return data.WrittenSpan.ToArray();
    }
}
