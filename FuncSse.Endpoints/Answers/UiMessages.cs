using System.Globalization;
using System.Net.ServerSentEvents;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using FuncSse.Topics;

namespace FuncSse.Endpoints;

/// <summary>
/// The UI message stream of the AI SDK (version 1): each event is a part as JSON, and the last one is <c>[DONE]</c>. It has no ids and no types, which its
/// readers do not know.
/// </summary>
public static class UiMessages
{
    /// <summary>Converts the events of a <see cref="LocalAnswer"/>.</summary>
    /// <param name="events">The words, and the last event.</param>
    public static async IAsyncEnumerable<SseItem<string>> ConvertAsync(IAsyncEnumerable<SseItem<string>> events)
    {
        ArgumentNullException.ThrowIfNull(events);
        yield return Part("start");
        yield return Part("text-start", ("id", "0"));
        await foreach (SseItem<string> one in events)
        {
            if (one.EventType == LocalAnswer.Done)
            {
                yield return Part("text-end", ("id", "0"));
                yield return Part("finish");
                yield return new SseItem<string>("[DONE]");
            }
            else if (one.EventType == LocalAnswer.Broken)
            {
                yield return one.Data == nameof(RecordedStreamEnd.Stopped)
                    ? Part("abort")
                    : Part("error", ("errorText", $"The answer broke off: {one.Data}."));
            }
            else
            {
                yield return Part("text-delta", ("id", "0"), ("delta", one.Data));
            }
        }
    }

    private static SseItem<string> Part(string type, params ReadOnlySpan<(string Name, string Value)> fields)
    {
        var part = new StringBuilder($"{{\"type\":\"{type}\"");
        foreach ((string name, string value) in fields)
        {
            part.Append(CultureInfo.InvariantCulture, $",\"{name}\":\"{JsonEncodedText.Encode(value, JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"");
        }

        return new SseItem<string>(part.Append('}').ToString());
    }
}
