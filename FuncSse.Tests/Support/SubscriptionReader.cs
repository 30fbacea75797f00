using System.Text;
using FuncSse.Streaming;
using FuncSse.Topics;

namespace FuncSse.Tests.Topics;

/// <summary>Reads a subscription frame by frame.</summary>
/// <param name="subscription">The subscription.</param>
/// <param name="signal">Its signal.</param>
/// <param name="comeBack">Subscribes again with the last event id when the subscription has ended, as a client does.</param>
internal sealed class SubscriptionReader(TopicSubscription subscription, SseSignal signal, Func<string?, SseSignal, TopicSubscription>? comeBack = null) : IDisposable
{
    private static readonly TopicQuery s_everything = new(Types: null, Envelope: false, Positions: true, Values: false);

    private string? _lastEventId;

    public TopicSubscription Subscription { get; private set; } = subscription;

    public bool TryRead() => Subscription.TryRead(out _);

    public ValueTask WaitAsync() => signal.WaitAsync();

    /// <summary>The next frame. A reset comes with all of the opening that follows it.</summary>
    public async Task<string> NextAsync()
    {
        string text = "";
        TopicItem next;
        do
        {
            while (!Subscription.TryRead(out next))
            {
                if (Subscription.IsEnded)
                {
                    Assert.True(comeBack is not null, "The subscription ended.");
                    Subscription.Dispose();
                    Subscription = comeBack(_lastEventId, signal);
                }

                await signal.WaitAsync().AsTask().WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken);
            }

            text += Encoding.UTF8.GetString(TopicStream.Encode(next, s_everything).Span);
        }
        while (text.StartsWith("event: reset", StringComparison.Ordinal) && (next.Position is null || next.LossReason is not null));

        _lastEventId = text.Contains("\nid: ", StringComparison.Ordinal) ? Id(text) : _lastEventId;
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

    public string Id() => Subscription.FindPosition()!.ToString();

    public static string Id(string frame) =>
        frame.Split('\n').Single(line => line.StartsWith("id: ", StringComparison.Ordinal))["id: ".Length..];

    public void Dispose() => Subscription.Dispose();
}
