using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using HttpJsonOptions = Microsoft.AspNetCore.Http.Json.JsonOptions;
using MvcJsonOptions = Microsoft.AspNetCore.Mvc.JsonOptions;

namespace FuncSse.Streaming;

/// <summary>
/// Serialises data of one type as <c>TypedResults.ServerSentEvents</c> does: by its runtime type, unless the declared type is sealed, a value
/// type, or polymorphic by its own metadata.
/// </summary>
internal sealed class SseJson<T>
{
    [ThreadStatic]
    private static Scratch? _scratch;

    private readonly JsonSerializerOptions _options;
    private readonly JsonTypeInfo<T> _declared;
    private readonly bool _isDeclaredEnough;

    /// <exception cref="InvalidOperationException">The app's JSON options have no metadata for the type, which can happen with AOT.</exception>
    public SseJson(IServiceProvider services)
    {
        _options = Options(services);
        try
        {
            _declared = (JsonTypeInfo<T>)_options.GetTypeInfo(typeof(T));
        }
        catch (NotSupportedException exception)
        {
            throw new InvalidOperationException(
                $"A feed of {typeof(T)} cannot be streamed: the app's JSON options have no metadata for the type. Add it to a JsonSerializerContext.", exception);
        }

        _isDeclaredEnough = typeof(T).IsSealed || typeof(T).IsValueType || _declared.PolymorphismOptions is not null;
    }

    /// <summary>Serialises data. The bytes are valid until the next call on the same thread.</summary>
    public ReadOnlySpan<byte> Serialize(T data)
    {
        Scratch scratch = _scratch is { } reusable && reusable.Fits(_options) ? reusable : _scratch = new Scratch(_options);
        Utf8JsonWriter writer = scratch.Begin();
        if (_isDeclaredEnough || data!.GetType() == typeof(T))
        {
            JsonSerializer.Serialize(writer, data, _declared);
        }
        else
        {
            // As an object, it is serialised with the metadata of its nearest base type.
            JsonSerializer.Serialize(writer, data, _options.TryGetTypeInfo(data.GetType(), out JsonTypeInfo? own) ? own : _options.GetTypeInfo(typeof(object)));
        }

        writer.Flush();
        return scratch.Written;
    }

    // The framework takes the options of minimal APIs. If the app has configured only those of MVC, they are taken: people configure them on
    // Azure Functions.
    private static JsonSerializerOptions Options(IServiceProvider services) =>
        IsConfigured<MvcJsonOptions>(services) && !IsConfigured<HttpJsonOptions>(services)
            ? services.GetRequiredService<IOptions<MvcJsonOptions>>().Value.JsonSerializerOptions
            : services.GetRequiredService<IOptions<HttpJsonOptions>>().Value.SerializerOptions;

    // Whether the app has configured them. The framework has set-ups of its own, for problem details for example.
    private static bool IsConfigured<TOptions>(IServiceProvider services)
        where TOptions : class =>
        services.GetServices<IConfigureOptions<TOptions>>().Any(setup =>
            !setup.GetType().Assembly.GetName().Name!.StartsWith("Microsoft.AspNetCore.", StringComparison.Ordinal)
            && setup is not ConfigureNamedOptions<TOptions> { Name: { Length: > 0 } });

    // Each thread keeps a buffer and a writer, so that an event allocates neither.
    private sealed class Scratch(JsonSerializerOptions options)
    {
        private readonly ArrayBufferWriter<byte> _buffer = new();
        private Utf8JsonWriter? _writer;

        public ReadOnlySpan<byte> Written => _buffer.WrittenSpan;

        public bool Fits(JsonSerializerOptions other) => other == options && _buffer.Capacity <= 4 * SseStreamWriter.DataWindow;

        public Utf8JsonWriter Begin()
        {
            _buffer.ResetWrittenCount();
            _writer ??= new Utf8JsonWriter(_buffer, new JsonWriterOptions
            {
                Encoder = options.Encoder,
                Indented = options.WriteIndented,
                IndentCharacter = options.IndentCharacter,
                IndentSize = options.IndentSize,
                NewLine = options.NewLine,
                MaxDepth = options.MaxDepth,
                SkipValidation = true, // The serialiser does the same.
            });
            _writer.Reset();
            return _writer;
        }
    }
}
