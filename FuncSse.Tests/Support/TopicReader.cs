using System.Text;
using FuncSse.Streaming;
using FuncSse.Topics;

namespace FuncSse.Tests.Topics;

/// <summary>Reads a subscription frame by frame.</summary>
internal sealed class TopicReader(TopicSubscription subscription, SseSignal signal) : IDisposable
{
    public TopicSubscription Subscription => subscription;

    public bool TryRead() => subscription.TryRead(out _, out _);

    public ValueTask WaitAsync() => signal.WaitAsync();

    public async Task<string> NextAsync()
    {
        ReadOnlyMemory<byte> frame;
        while (!subscription.TryRead(out frame, out _))
        {
            Assert.False(subscription.IsEnded, "The subscription ended.");
            await signal.WaitAsync().AsTask().WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken);
        }

        return Encoding.UTF8.GetString(frame.Span);
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

    public string Id() => Id(Encoding.UTF8.GetString(subscription.PositionFrame().Span));

    public static string Id(string frame) =>
        frame.Split('\n').Single(line => line.StartsWith("id: ", StringComparison.Ordinal))["id: ".Length..];

    public void Dispose() => subscription.Dispose();
}
