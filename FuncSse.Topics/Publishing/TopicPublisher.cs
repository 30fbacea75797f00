using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.Extensions.Options;

namespace FuncSse.Topics;

internal sealed class TopicPublisher(IEventLog log, EventLogWriter writer, TopicOptions options, IOptions<JsonOptions> json) : ITopicPublisher
{
    /// <summary>The most bytes of a retained value.</summary>
    public const int MaxRetainedSize = 64 * 1024;

    // How many topics are about to get their first value from this process.
    private int _newTopics;

    // Invalid arguments throw at once and not in the task, because some callers never await it.
#pragma warning disable CA1068 // As ITopicPublisher has them.
    public Task<string> PublishAsync(
        string topic, string data, string? type = null, CancellationToken cancellationToken = default, bool retain = false)
    {
        ArgumentNullException.ThrowIfNull(data);
        ThrowIfInvalid(topic);
        type = EventType.Normalize(type);
        ThrowIfTooLarge(Encoding.UTF8.GetByteCount(data), retain);
        return PublishAsync(topic, Encoding.UTF8.GetBytes(data), type, retain, cancellationToken);
    }

    public Task<string> PublishAsync<T>(
        string topic, T data, string? type = null, CancellationToken cancellationToken = default, bool retain = false)
    {
        if (data is string text)
        {
            return PublishAsync(topic, text, type, cancellationToken, retain);
        }

        ThrowIfInvalid(topic);
        type = EventType.Normalize(type);
        JsonSerializerOptions serializer = json.Value.SerializerOptions;
        byte[] utf8 = JsonSerializer.SerializeToUtf8Bytes(data, (JsonTypeInfo<T>)serializer.GetTypeInfo(typeof(T)));
        ThrowIfTooLarge(utf8.Length, retain);
        return PublishAsync(topic, utf8, type, retain, cancellationToken);
    }
#pragma warning restore CA1068

    /// <summary>Publishes data in UTF-8. The name, the type and the size have been checked.</summary>
    /// <exception cref="RetainedValuesFullException">The event is to be retained, and too many topics have a value.</exception>
    public async Task<string> PublishAsync(string topic, byte[] utf8, string? type, bool retain, CancellationToken cancellationToken)
    {
        if (!retain || utf8.Length == 0)
        {
            return (await writer.AppendAsync(topic, type, utf8, retain, cancellationToken)).ToString();
        }

        // This is read before the log is asked, so it counts those that have got their value since.
        int others = Interlocked.Increment(ref _newTopics) - 1;
        bool isNew = true;
        try
        {
            int room = await writer.AskAsync(token => log.FindRoomAsync(topic, token), cancellationToken);
            if (room <= others)
            {
                throw new RetainedValuesFullException($"{options.MaxRetained} topics have a retained value, and there may be no more.");
            }

            if (room == int.MaxValue)
            {
                Interlocked.Decrement(ref _newTopics);
                isNew = false;
            }

            return (await writer.AppendAsync(topic, type, utf8, retain, cancellationToken)).ToString();
        }
        finally
        {
            if (isNew)
            {
                Interlocked.Decrement(ref _newTopics);
            }
        }
    }

    /// <summary>The most bytes that the data of an event may have.</summary>
    public static int MaxSize(TopicOptions options, bool retain) => retain ? Math.Min(options.MaxEventSize, MaxRetainedSize) : options.MaxEventSize;

    private static void ThrowIfInvalid(string topic)
    {
        if (!TopicName.IsValid(topic))
        {
            throw new ArgumentException(TopicName.Refuse(topic), nameof(topic));
        }
    }

    private void ThrowIfTooLarge(int size, bool retain)
    {
        if (size > MaxSize(options, retain))
        {
            throw new EventTooLargeException(TooLarge(options, retain));
        }
    }

    /// <summary>One line that says how large the data may be.</summary>
    public static string TooLarge(TopicOptions options, bool retain) =>
        $"The data of {(retain ? "a retained event" : "an event")} has at most {MaxSize(options, retain)} bytes.";
}
