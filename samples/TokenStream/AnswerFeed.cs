using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using FuncSse.Topics;
using Microsoft.Extensions.AI;

namespace TokenStream;

/// <summary>The model's words as events, and then the event <c>done</c> with the model's reason to finish, or <c>broken</c>.</summary>
public static class AnswerFeed
{
    public const string Done = "done";
    public const string Broken = "broken";

    public static async IAsyncEnumerable<SseItem<string>> ReadAsync(
        IChatClient model, string prompt, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ChatFinishReason? finish = null;

        // The token is cancelled by Stop, and when the app stops, but not when the page goes away.
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
        yield return new SseItem<string>(reason, Done);
    }

    /// <summary>The last event of an answer that is not complete.</summary>
    public static IEnumerable<SseItem<string>> Close(RecordedStreamEnd end) => [new SseItem<string>(end.ToString(), Broken)];
}
