using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using FuncSse.Topics;
using Microsoft.Extensions.AI;

namespace Agent;

/// <summary>
/// A run of the agent as events of AG-UI: the model's words, the tool that it calls and what that returns, until it says something without a call.
/// </summary>
public static class AgentFeed
{
    private const int MaxTurns = 5;

    private static readonly AIFunction s_tool = AIFunctionFactory.Create((string city) => $"It is sunny in {city}.", "get_weather");
    private static readonly ChatOptions s_options = new() { Tools = [s_tool] };

    public static async IAsyncEnumerable<SseItem<string>> ReadAsync(
        IChatClient model, RunInput input, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        List<ChatMessage> chat = input.ToChat();
        yield return Event(new { type = "RUN_STARTED", threadId = input.ThreadId, runId = input.RunId });
        for (int turn = 1; ; turn++)
        {
            string messageId = $"{input.RunId}-{turn}";
            var updates = new List<ChatResponseUpdate>();
            bool hasText = false;
            await foreach (ChatResponseUpdate update in model.GetStreamingResponseAsync(chat, s_options, cancellationToken))
            {
                updates.Add(update);
                if (update.Text.Length == 0)
                {
                    continue; // It calls a tool, or says why it ends.
                }

                if (!hasText)
                {
                    hasText = true;
                    yield return Event(new { type = "TEXT_MESSAGE_START", messageId, role = "assistant" });
                }

                yield return Event(new { type = "TEXT_MESSAGE_CONTENT", messageId, delta = update.Text });
            }

            if (hasText)
            {
                yield return Event(new { type = "TEXT_MESSAGE_END", messageId });
            }

            // An answer that breaks off ends the loop like one that is complete. Only the reason is missing.
            ChatResponse response = updates.ToChatResponse();
            chat.AddRange(response.Messages);
            FunctionCallContent[] calls = [.. response.Messages.SelectMany(message => message.Contents).OfType<FunctionCallContent>()];
            if (response.FinishReason is null || turn == MaxTurns)
            {
                throw new InvalidOperationException("The model's answer broke off, or it called tools without end.");
            }

            if (calls is [])
            {
                break;
            }

            foreach (FunctionCallContent call in calls)
            {
                string toolCallId = call.CallId;
                yield return Event(new { type = "TOOL_CALL_START", toolCallId, toolCallName = call.Name });
                yield return Event(new { type = "TOOL_CALL_ARGS", toolCallId, delta = JsonSerializer.Serialize(call.Arguments) });
                yield return Event(new { type = "TOOL_CALL_END", toolCallId });
                object? result = call.Name == s_tool.Name
                    ? await s_tool.InvokeAsync(new AIFunctionArguments(call.Arguments), cancellationToken)
                    : "There is no such tool.";
                chat.Add(new ChatMessage(ChatRole.Tool, [new FunctionResultContent(toolCallId, result)]));
                yield return Event(new { type = "TOOL_CALL_RESULT", messageId = $"{toolCallId}-result", toolCallId, content = $"{result}" });
            }
        }

        yield return Event(new { type = "RUN_FINISHED", threadId = input.ThreadId, runId = input.RunId });
    }

    /// <summary>The last event of a run that is not complete.</summary>
    public static IEnumerable<SseItem<string>> Close(RecordedStreamEnd end) =>
        [Event(new { type = "RUN_ERROR", message = $"The run broke off: {end}.", code = end.ToString() })];

    private static SseItem<string> Event(object value) => new(JsonSerializer.Serialize(value));
}
