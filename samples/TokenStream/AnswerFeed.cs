using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;

namespace TokenStream;

/// <summary>The model's words as events, and then the event <c>done</c> with the model's reason to finish.</summary>
public static class AnswerFeed
{
    public static async IAsyncEnumerable<SseItem<string>> ReadAsync(
        IChatClient model, string prompt, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ChatFinishReason? finish = null;

        // The token is cancelled when the page stops or goes away, and that stops the model.
        await foreach (ChatResponseUpdate update in model.GetStreamingResponseAsync(prompt, cancellationToken: cancellationToken))
        {
            finish = update.FinishReason ?? finish;
            if (update.Text.Length > 0)
            {
                yield return new SseItem<string>(update.Text);
            }
        }

        // A connection to the model that breaks, or an error in its stream, ends the loop like the end of an answer. Only the reason is missing then.
        string reason = finish?.Value ?? throw new InvalidOperationException("The model's answer broke off.");
        yield return new SseItem<string>(reason, "done");
    }
}
