using System.Net.ServerSentEvents;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.OutputCaching;

namespace FuncSse.Streaming;

/// <summary>What the framework is told about an endpoint that answers with a stream.</summary>
internal static class StreamMetadata
{
    public static IEnumerable<object> For<T>() =>
    [
        // Output caching decides before there is a result, and a second client would wait for the end of the first client's stream.
        new OutputCacheAttribute { NoStore = true },
        // For OpenAPI, as TypedResults.ServerSentEvents does it.
        new ProducesResponseTypeMetadata(StatusCodes.Status200OK, typeof(SseItem<T>), ["text/event-stream"]),
    ];
}
