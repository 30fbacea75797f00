using System.Buffers;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace FuncSse.Topics;

/// <summary>The answer to <c>?values=true</c>: the retained values, and the position from which a stream misses nothing.</summary>
internal static class TopicValuesAnswer
{
    // It is as long as a publisher waits.
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(10);

    public static async Task WriteAsync(HttpContext http, TopicSet topics, TopicQuery query, bool isAllowed)
    {
        try
        {
            if (isAllowed)
            {
                await WriteAsync(http, topics, query);
                return;
            }
        }
        catch (Exception exception) when (http.RequestAborted.IsCancellationRequested && exception is IOException or OperationCanceledException)
        {
            return; // The client has left.
        }
        catch (Exception exception) when (exception is EventLogUnavailableException or TimeoutException or OperationCanceledException)
        {
            // The log is away, or the host stops. The answer is the same as that of a rule that cannot decide at present.
        }

        http.Response.Headers.RetryAfter = "1"; // Seconds.
        await TopicAnswer.WriteAsync(http, StatusCodes.Status503ServiceUnavailable, "The values cannot be read at present.");
    }

    private static async Task WriteAsync(HttpContext http, TopicSet topics, TopicQuery query)
    {
        IEventLog log = http.RequestServices.GetRequiredService<IEventLog>();
        TopicHub hub = http.RequestServices.GetRequiredService<TopicHub>();
        TimeProvider time = http.RequestServices.GetRequiredService<TimeProvider>();
        // The position comes first: an event in between is in the values and in the stream, and not in neither.
        LogPosition position = await log.GetEndAsync(http.RequestAborted).WaitAsync(s_limit, time, http.RequestAborted);
        if (await hub.Values.ReadAsync(topics).WaitAsync(s_limit, time, http.RequestAborted) is not { } values)
        {
            await TopicAnswer.WriteAsync(
                http, StatusCodes.Status400BadRequest, $"These topics have more than {ValueReader.MaxValues} retained values. Ask for fewer topics.");
            return;
        }

        var body = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(body, TopicFrame.Json))
        {
            json.WriteStartObject();
            json.WriteString("position"u8, position.ToString());
            json.WriteStartArray("values"u8);
            foreach (RetainedValue value in values)
            {
                if (EventRecord.Decode(value.Line.Span, out EventRecord? decoded) == RecordKind.Event && query.Accepts(decoded!.Type))
                {
                    TopicFrame.WriteEnvelope(json, decoded, id: null);
                }
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        http.Response.ContentType = "application/json";
        http.Response.ContentLength = body.WrittenCount;
        http.Response.Headers.CacheControl = "no-store";
        if (!HttpMethods.IsHead(http.Request.Method))
        {
            await http.Response.BodyWriter.WriteAsync(body.WrittenMemory, http.RequestAborted);
        }
    }
}
