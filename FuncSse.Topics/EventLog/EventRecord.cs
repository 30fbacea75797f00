using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace FuncSse.Topics;

/// <summary>What a line of the log is found to be.</summary>
internal enum RecordKind
{
    Event,
    LaterVersion,
    Damaged,
}

/// <summary>
/// An event as it stands in the log: one line of JSON. <paramref name="Writer"/>, <paramref name="Number"/> and the position of
/// <paramref name="AfterSegment"/> and <paramref name="AfterOffset"/> are for <see cref="SeenWriters"/>.
/// </summary>
/// <param name="Writer">The process that published it: random, new with each process.</param>
/// <param name="Number">Greater than that of all that the writer tried to append before.</param>
/// <param name="AfterSegment">With the offset, an end of the log that the writer knew before it first tried to append the event.</param>
/// <param name="AfterOffset">See there.</param>
/// <param name="Topic">The topic's name.</param>
/// <param name="Type">The event's type, if it has one.</param>
/// <param name="Published">When it was published, by the publisher's clock: for the metric of the delay, and nothing else.</param>
/// <param name="Data">The data: UTF-8.</param>
internal sealed record EventRecord(
    string Writer,
    long Number,
    long AfterSegment,
    long AfterOffset,
    string Topic,
    string? Type,
    DateTimeOffset Published,
    ReadOnlyMemory<byte> Data)
{
    private const int Version = 1;

    // A line end within a string is escaped in any case; nothing else has to be.
    private static readonly JsonWriterOptions s_options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    public byte[] Encode()
    {
        var line = new ArrayBufferWriter<byte>(Data.Length + 256);
        using (var json = new Utf8JsonWriter(line, s_options))
        {
            json.WriteStartObject();
            json.WriteNumber("v"u8, Version);
            json.WriteString("w"u8, Writer);
            json.WriteNumber("n"u8, Number);
            json.WriteNumber("s"u8, AfterSegment);
            json.WriteNumber("o"u8, AfterOffset);
            json.WriteString("t"u8, Topic);
            if (Type is not null)
            {
                json.WriteString("e"u8, Type);
            }

            json.WriteNumber("p"u8, Published.ToUnixTimeMilliseconds());
            json.WriteString("d"u8, Data.Span);
            json.WriteEndObject();
        }

        return line.WrittenSpan.ToArray();
    }

    public static RecordKind Decode(ReadOnlySpan<byte> line, out EventRecord? record)
    {
        record = null;
        try
        {
            return Read(line, out record);
        }
        catch (Exception damage) when (damage is JsonException or InvalidOperationException or FormatException or ArgumentOutOfRangeException)
        {
            return RecordKind.Damaged;
        }
    }

    private static RecordKind Read(ReadOnlySpan<byte> line, out EventRecord? record)
    {
        record = null;
        var json = new Utf8JsonReader(line);
        (string? writer, string? topic, string? type, byte[]? data) = (null, null, null, null);
        (long version, long number, long segment, long offset, long published) = (0, 0, -1, -1, long.MinValue);
        if (!json.Read() || json.TokenType != JsonTokenType.StartObject)
        {
            return RecordKind.Damaged;
        }

        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            byte name = json.ValueSpan.Length == 1 ? json.ValueSpan[0] : (byte)0;
            json.Read();
            switch (name)
            {
                case (byte)'v': version = json.GetInt64(); break;
                case (byte)'w': writer = json.GetString(); break;
                case (byte)'n': number = json.GetInt64(); break;
                case (byte)'s': segment = json.GetInt64(); break;
                case (byte)'o': offset = json.GetInt64(); break;
                case (byte)'t': topic = json.GetString(); break;
                case (byte)'e': type = json.GetString(); break;
                case (byte)'p': published = json.GetInt64(); break;
                case (byte)'d': data = Text(ref json); break;
                default: json.Skip(); break;
            }

            // It comes first: what a later version has after it is not ours to judge.
            if (version > Version)
            {
                return RecordKind.LaterVersion;
            }
        }

        bool whole = json.TokenType == JsonTokenType.EndObject && !json.Read() && version == Version;
        if (!whole || writer is not { Length: > 0 and <= 64 } || number < 1 || segment < 0 || offset < 0 || data is null
            || !TopicName.IsValid(topic) || !EventType.IsValid(type))
        {
            return RecordKind.Damaged;
        }

        record = new EventRecord(
            writer, number, segment, offset, topic!, type, DateTimeOffset.FromUnixTimeMilliseconds(published), data);
        return RecordKind.Event;
    }

    private static byte[] Text(ref Utf8JsonReader json)
    {
        byte[] text = new byte[json.ValueSpan.Length];
        int length = json.CopyString(text);
        Array.Resize(ref text, length);
        return text;
    }
}
