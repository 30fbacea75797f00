using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.Extensions.AI;

namespace FuncSse.Tests.Samples;

/// <summary>A model that says what a test gives it, and knows when it was stopped.</summary>
internal sealed class ScriptedModel : IChatClient
{
    private readonly Channel<string> _words = Channel.CreateUnbounded<string>();
    private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private bool _isComplete;

    public string? Prompt { get; private set; }

    /// <summary>Ends when the model's caller has cancelled it and it says no more.</summary>
    public Task Stopped => _stopped.Task;

    public void Say(params IEnumerable<string> words)
    {
        foreach (string word in words)
        {
            Assert.True(_words.Writer.TryWrite(word));
        }
    }

    /// <summary>Ends the answer: with a reason, or without one, as a connection that breaks ends it.</summary>
    public void End(Exception? failure = null, bool isComplete = true)
    {
        _isComplete = isComplete;
        _words.Writer.Complete(failure);
    }

    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        Prompt = messages.Single().Text;
        try
        {
            await foreach (string word in _words.Reader.ReadAllAsync(cancellationToken))
            {
                yield return new ChatResponseUpdate(ChatRole.Assistant, word);
            }

            if (_isComplete)
            {
                yield return new ChatResponseUpdate(ChatRole.Assistant, "") { FinishReason = ChatFinishReason.Stop };
            }
        }
        finally
        {
            if (cancellationToken.IsCancellationRequested)
            {
                _stopped.SetResult();
            }
        }
    }

    public Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    public object? GetService(Type serviceType, object? serviceKey = null) => null;

    public void Dispose()
    {
    }
}
