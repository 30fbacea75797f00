using System.Text.Json;
using FuncSse.Topics;
using Microsoft.Extensions.AI;

namespace Agent;

/// <summary>What a client of AG-UI sends, as far as this agent uses it.</summary>
public sealed record RunInput(string? ThreadId, string? RunId, RunMessage?[]? Messages)
{
    /// <summary>Reads it, unless it is something else.</summary>
    public static RunInput? Parse(string json)
    {
        try
        {
            RunInput? input = JsonSerializer.Deserialize<RunInput>(json, JsonSerializerOptions.Web);
            return input is { ThreadId: not null, Messages.Length: > 0 } && TopicName.IsValid(input.RunId) ? input : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>The conversation so far, in the words of the model's library.</summary>
    public List<ChatMessage> ToChat() => [.. Messages!
        .Where(message => message is { Role: "user" or "assistant", Content.Length: > 0 })
        .Select(message => new ChatMessage(new ChatRole(message!.Role!), message.Content))];
}

/// <summary>A message of the conversation.</summary>
public sealed record RunMessage(string? Role, string? Content);
