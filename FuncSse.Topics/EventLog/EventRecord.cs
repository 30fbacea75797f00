using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace FuncSse.Topics;

/// <summary>What a line of the log contains.</summary>
internal enum RecordKind
{
    Event,
    LaterVersion,
    Damaged,
}

/// <summary>An event as it stands in the log: one line of JSON.</summary>
/// <param name="Topic">The topic's name. It stands at the beginning, so that a reader need not decode what it does not want.</param>
/// <param name="Type">The event's type, if it has one.</param>
/// <param name="Published">When it was published, by the publisher's clock: for the metric of the delay, and nothing else.</param>
/// <param name="Data">The data: UTF-8.</param>
/// <param name="IsRetained">Whether the event is kept as the topic's value, or clears the value if it has no data.</param>
internal sealed record EventRecord(string Topic, string? Type, DateTimeOffset Published, ReadOnlyMemory<byte> Data, bool IsRetained = false)
{
    private const int Version = 2;

    // A line end within a string is escaped in any case; nothing else has to be.
    private static readonly JsonWriterOptions s_options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    private static ReadOnlySpan<byte> Beginning => "{\"v\":2,\"t\":\""u8;

    // Follows the topic's name. The number is 0 if there is no data.
    private static ReadOnlySpan<byte> Retained => "\",\"k\":"u8;

    private const int MaxKeptBuffer = 16 * 1024;

    // Each thread keeps its last buffer. A new one for each event would be half of what publishing it allocates.
    [ThreadStatic]
    private static ArrayBufferWriter<byte>? t_line;

    [ThreadStatic]
    private static Utf8JsonWriter? t_json;

    /// <summary>The line, which ends with a mark of its own: two lines of the same event differ.</summary>
    public byte[] Encode()
    {
        ArrayBufferWriter<byte> line = t_line ??= new ArrayBufferWriter<byte>(1024);
        Utf8JsonWriter json = t_json ??= new Utf8JsonWriter(line, s_options);
        line.ResetWrittenCount();
        json.Reset();
        json.WriteStartObject();
        json.WriteNumber("v"u8, Version);
        json.WriteString("t"u8, Topic);
        if (IsRetained)
        {
            json.WriteNumber("k"u8, Data.IsEmpty ? 0 : 1);
        }

        if (Type is not null)
        {
            json.WriteString("e"u8, Type);
        }

        json.WriteNumber("p"u8, Published.ToUnixTimeMilliseconds());
        json.WriteString("d"u8, Data.Span);
        Span<char> mark = stackalloc char[RecordMark.Length];
        RecordMark.Create(mark);
        json.WriteString("r"u8, mark);
        json.WriteEndObject();
        json.Flush();
        byte[] encoded = line.WrittenSpan.ToArray();
        if (line.Capacity > MaxKeptBuffer)
        {
            (t_line, t_json) = (null, null);
        }

        return encoded;
    }

    /// <summary>Finds the topic of a line that <see cref="Encode"/> made, and does not decode the line.</summary>
    /// <param name="line">The line.</param>
    /// <param name="topic">The topic's name, which is ASCII.</param>
    /// <returns><see langword="false"/> if only decoding can tell.</returns>
    public static bool TryReadTopic(ReadOnlySpan<byte> line, out ReadOnlySpan<byte> topic)
    {
        topic = default;
        if (!line.StartsWith(Beginning))
        {
            return false;
        }

        ReadOnlySpan<byte> rest = line[Beginning.Length..];
        int end = rest.IndexOfAny("\"\\"u8);
        if (end <= 0 || rest[end] == '\\')
        {
            return false;
        }

        topic = rest[..end];
        return true;
    }

    /// <summary>Whether <see cref="Encode"/> made the line of an event that is kept as its topic's value, or that clears the value.</summary>
    /// <param name="line">The line.</param>
    /// <param name="topic">The topic's name.</param>
    /// <param name="clears">Whether the topic has no value after it.</param>
    public static bool IsRetainedLine(ReadOnlySpan<byte> line, out ReadOnlySpan<byte> topic, out bool clears)
    {
        clears = false;
        if (!TryReadTopic(line, out topic))
        {
            return false;
        }

        ReadOnlySpan<byte> rest = line[(Beginning.Length + topic.Length)..];
        if (!rest.StartsWith(Retained) || rest.Length == Retained.Length)
        {
            return false;
        }

        clears = rest[Retained.Length] == '0';
        return true;
    }

    /// <summary>Reads a line.</summary>
    /// <param name="line">The line: any bytes.</param>
    /// <param name="record">The event; <see langword="null"/> if the line has none.</param>
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
        (string? topic, string? type, byte[]? data) = (null, null, null);
        (long version, long published) = (0, long.MinValue);
        bool isRetained = false;
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
                case (byte)'t': topic = json.GetString(); break;
                case (byte)'k': isRetained = json.GetInt64() is 0 or 1; break;
                case (byte)'e': type = json.GetString(); break;
                case (byte)'p': published = json.GetInt64(); break;
                case (byte)'d': data = Text(ref json); break;
                default: json.Skip(); break;
            }

            // The version comes first, and this version cannot judge what a later one writes after it.
            if (version > Version)
            {
                return RecordKind.LaterVersion;
            }
        }

        bool isWhole = json.TokenType == JsonTokenType.EndObject && !json.Read() && version == Version;
        if (!isWhole || data is null || !(TopicName.IsValid(topic) || TopicName.IsReserved(topic)) || !EventType.IsValid(type))
        {
            return RecordKind.Damaged;
        }

        record = new EventRecord(topic!, type, DateTimeOffset.FromUnixTimeMilliseconds(published), data, isRetained);
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
