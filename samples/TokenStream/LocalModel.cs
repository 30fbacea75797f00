using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;

namespace TokenStream;

/// <summary>Stands for a model: it answers word by word, needs no key and costs nothing.</summary>
public sealed class LocalModel(TimeProvider time) : IChatClient
{
    public static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(100);

    private const string Answer =
        "This answer was made word by word, without a model. Each word is an event of its own, and the page shows it as it comes. "
        + "Reload the page, or open it in a second tab: the answer goes on where it was. "
        + "If you press Stop in any of them, the feed is cancelled, and the model says no more. "
        + "Set an endpoint and a name of a model, and its answer comes the same way.";

    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages,
        ChatOptions? options = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        string text = $"You said: {messages.Last().Text}\n\n{Answer}";
        for (int start = 0, end; start < text.Length; start = end)
        {
            end = text.IndexOf(' ', start) + 1;
            end = end == 0 ? text.Length : end;
            await Task.Delay(Pace, time, cancellationToken);
            yield return new ChatResponseUpdate(ChatRole.Assistant, text[start..end])
            {
                FinishReason = end == text.Length ? ChatFinishReason.Stop : null,
            };
        }
    }

    public Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default) =>
        GetStreamingResponseAsync(messages, options, cancellationToken).ToChatResponseAsync(cancellationToken);

    public object? GetService(Type serviceType, object? serviceKey = null) => null;

    public void Dispose()
    {
    }
}
