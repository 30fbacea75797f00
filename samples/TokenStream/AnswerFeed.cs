using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;

namespace TokenStream;

/// <summary>The model's words as events, and then the event <c>done</c>.</summary>
public static class AnswerFeed
{
    public static async IAsyncEnumerable<SseItem<string>> ReadAsync(
        IChatClient model, string prompt, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // The token is cancelled when the page stops or goes away, and that stops the model.
        await foreach (ChatResponseUpdate update in model.GetStreamingResponseAsync(prompt, cancellationToken: cancellationToken))
        {
            if (update.Text.Length > 0)
            {
                yield return new SseItem<string>(update.Text);
            }
        }

        yield return new SseItem<string>("", "done");
    }
}
