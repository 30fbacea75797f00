using System.Diagnostics.Metrics;
using System.Net.ServerSentEvents;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace FuncSse.Client;

/// <summary>
/// Reads event streams, and reconnects with the id of the last event that it has yielded. One client may read any number of streams at once.
/// </summary>
/// <param name="http">
/// It sends the requests, and stays the caller's. Its handler should have <c>AllowAutoRedirect = false</c>, because the client follows
/// redirects itself and sends no credentials to another origin.
/// </param>
/// <param name="options">The options, which are copied; <see langword="null"/> for the defaults.</param>
/// <param name="logger">Where lost connections are logged: the first as a warning, and what follows until an event comes at Debug.</param>
/// <param name="meters">What makes the meter <see cref="SseClientMeter"/>; <see langword="null"/> for one that all such clients share.</param>
/// <param name="time">The clock of the waits; <see langword="null"/> for the system's.</param>
/// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
public sealed class SseClient(
    HttpClient http, SseClientOptions? options = null, ILogger<SseClient>? logger = null, IMeterFactory? meters = null, TimeProvider? time = null)
{
    internal HttpClient Http { get; } = http ?? throw new ArgumentNullException(nameof(http));

    internal SseClientOptions Options { get; } = (options ?? new SseClientOptions()).Checked();

    internal ILogger Logger { get; } = logger ?? NullLogger<SseClient>.Instance;

    internal SseClientMeter Metrics { get; } = meters is null ? SseClientMeter.Shared : new SseClientMeter(meters.Create(SseClientMeter.Name));

    internal TimeProvider Time { get; } = time ?? TimeProvider.System;

    /// <summary>
    /// Reads a stream, and reads on after each clean end, lost connection and temporary refusal. It ends when the server answers 204.
    /// </summary>
    /// <param name="uri">The address of the stream: http or https, or relative to the <see cref="HttpClient.BaseAddress"/>.</param>
    /// <param name="lastEventId">The id after which to read; <see langword="null"/> for what the server sends to a new client.</param>
    /// <param name="cancellationToken">Ends the reading with an <see cref="OperationCanceledException"/>.</param>
    /// <returns>
    /// The events in the order in which they come. An <see cref="SseItem{T}.EventId"/> is <see langword="null"/> if the event has none. Keep the
    /// last one to read on after a restart of your process.
    /// </returns>
    /// <exception cref="SseRefusedException">While reading: the server refuses, and trying again cannot help.</exception>
    /// <exception cref="SseEventTooLargeException">While reading: an event is larger than <see cref="SseClientOptions.MaxEventSize"/>.</exception>
    public IAsyncEnumerable<SseItem<string>> ReadAsync(Uri uri, string? lastEventId = null, CancellationToken cancellationToken = default) =>
        new SseReading<string>(
            this, Absolute(uri), (_, data) => Encoding.UTF8.GetString(data), type => !Options.PassedOver.Contains(type), Checked(lastEventId),
            cancellationToken);

    /// <summary>
    /// As <see cref="ReadAsync(Uri, string?, CancellationToken)"/>, of events whose data is JSON. It reads the types of events that
    /// <see cref="SseClientOptions.Types"/> names, and passes over the others.
    /// </summary>
    /// <typeparam name="T">The type of an event's data.</typeparam>
    /// <param name="uri">The address of the stream: http or https, or relative to the <see cref="HttpClient.BaseAddress"/>.</param>
    /// <param name="typeInfo">How to read the data, from a <see cref="System.Text.Json.Serialization.JsonSerializerContext"/>.</param>
    /// <param name="lastEventId">The id after which to read; <see langword="null"/> for what the server sends to a new client.</param>
    /// <param name="cancellationToken">Ends the reading with an <see cref="OperationCanceledException"/>.</param>
    /// <returns>The events in the order in which they come. JSON's <c>null</c> is <see langword="null"/>.</returns>
    /// <exception cref="SseRefusedException">While reading: the server refuses, and trying again cannot help.</exception>
    /// <exception cref="SseEventTooLargeException">While reading: an event is larger than <see cref="SseClientOptions.MaxEventSize"/>.</exception>
    /// <exception cref="JsonException">While reading: the data of an event is not such JSON.</exception>
    public IAsyncEnumerable<SseItem<T>> ReadAsync<T>(
        Uri uri, JsonTypeInfo<T> typeInfo, string? lastEventId = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(typeInfo);
        return new SseReading<T>(
            this, Absolute(uri), (_, data) => JsonSerializer.Deserialize(data, typeInfo)!, Options.Types.Contains, Checked(lastEventId),
            cancellationToken);
    }

    private Uri Absolute(Uri uri) => uri is null ? throw new ArgumentNullException(nameof(uri))
        : uri.IsAbsoluteUri ? uri
        : Http.BaseAddress is { } address ? new Uri(address, uri)
        : throw new ArgumentException($"The address {uri} is relative, and the HttpClient has no BaseAddress.", nameof(uri));

    private static string? Checked(string? lastEventId) => lastEventId.AsSpan().IndexOfAny('\r', '\n', '\0') < 0
        ? lastEventId
        : throw new ArgumentException("A last event id has no line ends.", nameof(lastEventId));
}
