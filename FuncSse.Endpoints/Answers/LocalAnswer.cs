using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using FuncSse.Topics;

namespace FuncSse.Endpoints;

/// <summary>
/// Stands for a model: it answers word by word, needs no key and costs nothing. The answer is a function of the prompt alone. Its events are the words,
/// and then <c>done</c> with the reason.
/// </summary>
/// <param name="options">The pace.</param>
/// <param name="time">The clock.</param>
public sealed class LocalAnswer(AnswerOptions options, TimeProvider time)
{
    /// <summary>The type of the last event of an answer that is complete. Its data is the model's reason to finish.</summary>
    public const string Done = "done";

    /// <summary>The type of the last event of an answer that was stopped or broke off. Its data is how it ended.</summary>
    public const string Broken = "broken";

    private const string Text =
        "This answer was made word by word, without a model, and each word was recorded as it came. Reload the page now: the answer goes on where it was. "
        + "Open the address in a second tab, on another device, on another instance of the app: it is the same answer. "
        + "Close all of them, and it is made all the same. Only Stop ends it, from any tab. ";

    /// <summary>The last event of an answer that is not complete.</summary>
    /// <param name="end">How it ended.</param>
    public static IEnumerable<SseItem<string>> Close(RecordedStreamEnd end)
    {
        yield return new SseItem<string>(end.ToString(), Broken);
    }

    /// <summary>Answers a prompt.</summary>
    /// <param name="prompt">The prompt.</param>
    /// <param name="cancellationToken">Stops the answer.</param>
    public async IAsyncEnumerable<SseItem<string>> ReadAsync(string prompt, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        string text = $"You said: {prompt}\n\n{Text}";
        TimeSpan pace = TimeSpan.FromSeconds(1) / options.TokensPerSecond;
        for (int start = 0, end; start < text.Length; start = end)
        {
            end = text.IndexOf(' ', start) + 1;
            end = end == 0 ? text.Length : end;
            await Task.Delay(pace, time, cancellationToken);
            yield return new SseItem<string>(text[start..end]);
        }

        yield return new SseItem<string>("stop", Done);
    }
}
