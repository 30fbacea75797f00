using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;

namespace Agent;

/// <summary>Stands for a model: it asks for the weather, and then answers word by word. It needs no key and costs nothing.</summary>
public sealed class LocalModel(TimeProvider time) : IChatClient
{
    private static readonly TimeSpan s_pace = TimeSpan.FromMilliseconds(100);

    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages,
        ChatOptions? options = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ChatMessage last = messages.Last();
        await Task.Delay(s_pace, time, cancellationToken);
        if (last.Role != ChatRole.Tool)
        {
            var call = new FunctionCallContent(Guid.NewGuid().ToString("N"), "get_weather", new Dictionary<string, object?> { ["city"] = "Oslo" });
            yield return new ChatResponseUpdate(ChatRole.Assistant, [call]) { FinishReason = ChatFinishReason.ToolCalls };
            yield break;
        }

        FunctionResultContent result = last.Contents.OfType<FunctionResultContent>().Single();
        foreach (string word in $"I have looked: {result.Result} Reload the page now, and this answer goes on where it was.".Split(' '))
        {
            await Task.Delay(s_pace, time, cancellationToken);
            yield return new ChatResponseUpdate(ChatRole.Assistant, $"{word} ");
        }

        yield return new ChatResponseUpdate(ChatRole.Assistant, "") { FinishReason = ChatFinishReason.Stop };
    }

    public Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default) =>
        GetStreamingResponseAsync(messages, options, cancellationToken).ToChatResponseAsync(cancellationToken);

    public object? GetService(Type serviceType, object? serviceKey = null) => null;

    public void Dispose()
    {
    }
}
