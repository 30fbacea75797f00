using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.Extensions.Options;

namespace FuncSse.Topics;

internal sealed class TopicPublisher(EventLogWriter writer, TopicOptions options, IOptions<JsonOptions> json) : ITopicPublisher
{
    // Invalid arguments throw at once and not in the task, because some callers never await it.
    public Task<string> PublishAsync(string topic, string data, string? type = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(data);
        ThrowIfInvalid(topic);
        type = EventType.Normalize(type);
        ThrowIfTooLarge(Encoding.UTF8.GetByteCount(data));
        return PublishAsync(topic, Encoding.UTF8.GetBytes(data), type, cancellationToken);
    }

    public Task<string> PublishAsync<T>(string topic, T data, string? type = null, CancellationToken cancellationToken = default)
    {
        if (data is string text)
        {
            return PublishAsync(topic, text, type, cancellationToken);
        }

        ThrowIfInvalid(topic);
        type = EventType.Normalize(type);
        JsonSerializerOptions serializer = json.Value.SerializerOptions;
        byte[] utf8 = JsonSerializer.SerializeToUtf8Bytes(data, (JsonTypeInfo<T>)serializer.GetTypeInfo(typeof(T)));
        ThrowIfTooLarge(utf8.Length);
        return PublishAsync(topic, utf8, type, cancellationToken);
    }

    /// <summary>Publishes data in UTF-8. The name and the type have been checked.</summary>
    public async Task<string> PublishAsync(string topic, byte[] utf8, string? type, CancellationToken cancellationToken) =>
        (await writer.AppendAsync(topic, type, utf8, cancellationToken)).ToString();

    private static void ThrowIfInvalid(string topic)
    {
        if (!TopicName.IsValid(topic))
        {
            throw new ArgumentException(TopicName.Refuse(topic), nameof(topic));
        }
    }

    private void ThrowIfTooLarge(int size)
    {
        if (size > options.MaxEventSize)
        {
            throw new EventTooLargeException($"The data of an event has at most {options.MaxEventSize} bytes.");
        }
    }
}
