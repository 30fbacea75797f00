using System.Text;
using FuncSse.Streaming;
using FuncSse.Topics;

namespace FuncSse.Tests.Topics;

/// <summary>Reads a subscription frame by frame.</summary>
/// <param name="subscription">The subscription.</param>
/// <param name="signal">Its signal.</param>
/// <param name="comeBack">Subscribes again with the last event id when the subscription has ended, as a client does.</param>
internal sealed class TopicReader(TopicSubscription subscription, SseSignal signal, Func<string?, SseSignal, TopicSubscription>? comeBack = null) : IDisposable
{
    private string? _lastEventId;

    public TopicSubscription Subscription { get; private set; } = subscription;

    public bool TryRead() => Subscription.TryRead(out _, out _);

    public ValueTask WaitAsync() => signal.WaitAsync();

    public async Task<string> NextAsync()
    {
        ReadOnlyMemory<byte> frame;
        while (!Subscription.TryRead(out frame, out _))
        {
            if (Subscription.IsEnded)
            {
                Assert.True(comeBack is not null, "The subscription ended.");
                Subscription.Dispose();
                Subscription = comeBack(_lastEventId, signal);
            }

            await signal.WaitAsync().AsTask().WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken);
        }

        string text = Encoding.UTF8.GetString(frame.Span);
        _lastEventId = Id(text);
        return text;
    }

    /// <summary>The data of the next event.</summary>
    public async Task<string> DataAsync() => TopicNode.Data(Encoding.UTF8.GetBytes(await NextAsync()));

    public async Task<IReadOnlyList<string>> DataAsync(int count)
    {
        var data = new List<string>();
        while (data.Count < count)
        {
            data.Add(await DataAsync());
        }

        return data;
    }

    public string Id() => Id(Encoding.UTF8.GetString(Subscription.PositionFrame().Span));

    public static string Id(string frame) =>
        frame.Split('\n').Single(line => line.StartsWith("id: ", StringComparison.Ordinal))["id: ".Length..];

    public void Dispose() => Subscription.Dispose();
}
