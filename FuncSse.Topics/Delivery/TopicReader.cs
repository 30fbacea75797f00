using System.Runtime.CompilerServices;
using System.Text;
using FuncSse.Streaming;

namespace FuncSse.Topics;

/// <summary>Reads topics through a subscription of the hub.</summary>
internal sealed class TopicReader(TopicHub hub) : ITopicReader
{
    private static readonly TimeSpan s_returnDelay = TimeSpan.FromMilliseconds(500);

    // Invalid arguments throw at once, and not when the first message is asked for.
    public IAsyncEnumerable<TopicMessage> ReadAsync(IEnumerable<string> topics, string? after = null, CancellationToken cancellationToken = default)
    {
        var set = new TopicSet(topics);
        return set.IsEmpty ? throw new ArgumentException("At least one topic is needed.", nameof(topics)) : ReadAsync(set, after, cancellationToken);
    }

    private async IAsyncEnumerable<TopicMessage> ReadAsync(
        TopicSet topics, string? after, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string? last = after;
        while (!hub.IsStopped)
        {
            // The consumer may block, which must not hold up the thread that wakes it.
            var signal = new SseSignal(isAsynchronous: true);
            using TopicSubscription subscription = hub.Subscribe(topics, last, signal);
            await using CancellationTokenRegistration cancelled = cancellationToken.UnsafeRegister(static self => ((SseSignal)self!).Set(), signal);
            while (!subscription.IsEnded)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (!subscription.TryRead(out TopicItem next))
                {
                    await signal.WaitAsync();
                }
                else if (ToMessage(next) is { } message)
                {
                    // The values that follow a loss are a part of it.
                    last = message.Kind == TopicMessageKind.Loss ? last : message.Id ?? last;
                    yield return message;
                }
                else
                {
                    last = next.Position!.ToString();
                }
            }

            cancellationToken.ThrowIfCancellationRequested();
            if (!hub.IsStopped)
            {
                // The hub lost its position. The log decides whether this reader lost anything.
                await Task.Delay(s_returnDelay, hub.Time, cancellationToken);
            }
        }
    }

    // None for a position that is not a loss.
    private TopicMessage? ToMessage(TopicItem item) => item switch
    {
        { Event: { } one } => ToMessage(TopicMessageKind.Event, one.ToRecord(), one.Position.ToString()),
        { Value: { } value } => ToMessage(TopicMessageKind.RetainedValue, value, id: null),
        { LossReason: { } reason } =>
            new TopicMessage(TopicMessageKind.Loss, item.Position!.ToString(), Topic: null, Type: null, hub.Time.GetUtcNow(), reason),
        _ => null,
    };

    private static TopicMessage ToMessage(TopicMessageKind kind, EventRecord record, string? id) =>
        new(kind, id, record.Topic, record.Type, record.Published, Encoding.UTF8.GetString(record.Data.Span));
}
