using System.Buffers;
using System.Net.ServerSentEvents;
using System.Text.Json;

namespace FuncSse.Topics;

/// <summary>What the log has of a recorded stream: its start, some of its events, a sign of life, a stop, or its end. The type of the log's event names it.</summary>
/// <param name="Kind">One of the constants.</param>
/// <param name="Run">The run; empty in a stop.</param>
/// <param name="From">In a start, a position before the first start of this name.</param>
/// <param name="First">How many events come before <paramref name="Events"/>.</param>
/// <param name="Events">Events; in an end, all of them.</param>
/// <param name="End">In an end, how it ended.</param>
internal sealed record RecordingEntry(
    string Kind, string Run, string? From, int First, IReadOnlyList<SseItem<string>> Events, RecordedStreamEnd? End)
{
    public const string StartKind = "start";
    public const string EventsKind = "events";
    public const string AliveKind = "alive";
    public const string StopKind = "stop";
    public const string EndKind = "end";

    public static RecordingEntry OfStart(string run, LogPosition from) => new(StartKind, run, from.ToString(), 0, [], null);

    public static RecordingEntry OfEvents(string run, int first, IReadOnlyList<SseItem<string>> events) => new(EventsKind, run, null, first, events, null);

    public static RecordingEntry OfLife(string run) => new(AliveKind, run, null, 0, [], null);

    public static RecordingEntry OfStop() => new(StopKind, "", null, 0, [], null);

    public static RecordingEntry OfEnd(string run, IReadOnlyList<SseItem<string>> events, RecordedStreamEnd end) => new(EndKind, run, null, 0, events, end);

    /// <summary>The entry as the data of an event: JSON.</summary>
    public byte[] Encode()
    {
        var data = new ArrayBufferWriter<byte>(256 + (Events.Count * 64));
        using (var json = new Utf8JsonWriter(data, TopicFrame.Json))
        {
            json.WriteStartObject();
            json.WriteString("run"u8, Run);
            if (From is not null)
            {
                json.WriteString("from"u8, From);
            }

            if (Events.Count > 0)
            {
                json.WriteNumber("first"u8, First);
                json.WriteStartArray("events"u8);
                foreach (SseItem<string> one in Events)
                {
                    // Without a type, an event is its text.
                    if (one.EventType == SseParser.EventTypeDefault)
                    {
                        json.WriteStringValue(one.Data);
                    }
                    else
                    {
                        json.WriteStartArray();
                        json.WriteStringValue(one.EventType);
                        json.WriteStringValue(one.Data);
                        json.WriteEndArray();
                    }
                }

                json.WriteEndArray();
            }

            if (End is { } end)
            {
                json.WriteString("end"u8, end.ToString());
            }

            json.WriteEndObject();
        }

        return data.WrittenSpan.ToArray();
    }

    /// <summary>Reads an entry; <see langword="null"/> if another version of the app wrote something else.</summary>
    public static RecordingEntry? Decode(string? kind, ReadOnlyMemory<byte> data)
    {
        try
        {
            using JsonDocument json = JsonDocument.Parse(data);
            JsonElement root = json.RootElement;
            SseItem<string>[] events = root.TryGetProperty("events", out JsonElement list) ? [.. list.EnumerateArray().Select(ReadEvent)] : [];
            return new RecordingEntry(
                kind ?? "",
                root.GetProperty("run").GetString() ?? "",
                root.TryGetProperty("from", out JsonElement from) ? from.GetString() : null,
                root.TryGetProperty("first", out JsonElement first) ? first.GetInt32() : 0,
                events,
                root.TryGetProperty("end", out JsonElement end) && Enum.TryParse(end.GetString(), out RecordedStreamEnd found) ? found : null);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            return null;
        }
    }

    private static SseItem<string> ReadEvent(JsonElement one) => one.ValueKind == JsonValueKind.Array
        ? new SseItem<string>(one[1].GetString() ?? "", one[0].GetString())
        : new SseItem<string>(one.GetString() ?? "");
}
