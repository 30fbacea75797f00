using System.Net.ServerSentEvents;
using System.Text.Json;
using FuncSse.Topics;

namespace TokenStream;

/// <summary>The answer as the AI SDK's page reads it: the UI message stream, version 1.</summary>
public static class UiMessages
{
    /// <summary>Finds the text of the last message in what the AI SDK sends.</summary>
    /// <exception cref="JsonException">It is something else.</exception>
    public static string FindPrompt(string body)
    {
        Request? request = JsonSerializer.Deserialize<Request>(body, JsonSerializerOptions.Web);
        return request?.Messages is [.., { Parts: { } parts }] ? string.Concat(parts.Select(part => part?.Text)) : throw new JsonException();
    }

    public static async IAsyncEnumerable<SseItem<string>> ConvertAsync(IAsyncEnumerable<SseItem<string>> events, string name)
    {
        yield return Part(new { type = "start", messageId = name }); // With the same id, a replay replaces what the page has.
        yield return Part(new { type = "text-start", id = "0" });
        await foreach (SseItem<string> one in events)
        {
            if (one.EventType == AnswerFeed.Done)
            {
                yield return Part(new { type = "text-end", id = "0" });
                yield return Part(new { type = "finish" });
                yield return new SseItem<string>("[DONE]");
            }
            else if (one.EventType == AnswerFeed.Broken)
            {
                yield return one.Data == nameof(RecordedStreamEnd.Stopped)
                    ? Part(new { type = "abort" })
                    : Part(new { type = "error", errorText = $"The answer broke off: {one.Data}." });
            }
            else
            {
                yield return Part(new { type = "text-delta", id = "0", delta = one.Data });
            }
        }
    }

    private static SseItem<string> Part(object part) => new(JsonSerializer.Serialize(part));

    private sealed record Request(Message?[]? Messages);

    private sealed record Message(TextPart?[]? Parts);

    private sealed record TextPart(string? Text);
}
