using System.Net;
using System.Text;
using FuncSse.Topics;

namespace FuncSse.Tests.Topics;

/// <summary>Retained values in a storage account, and the failures of their blobs.</summary>
internal static class StorageValues
{
    /// <summary>How long a process waits for the publisher of a value before it writes the value itself.</summary>
    public static readonly TimeSpan RepairAge = TimeSpan.FromSeconds(15);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public static bool IsValue(HttpRequestMessage request) => request.RequestUri!.AbsolutePath.Contains("/values/", StringComparison.Ordinal);

    public static bool IsValueWrite(HttpRequestMessage request) => request.Method == HttpMethod.Put && IsValue(request);

    public static void LoseValues(FaultyHandler handler) => handler.OnSend = (request, send) => IsValueWrite(request)
        ? Task.FromResult(new HttpResponseMessage(HttpStatusCode.ServiceUnavailable) { RequestMessage = request })
        : send();

    // The record is in the log, and its process is gone before it writes the value.
    public static async Task<LogPosition> AppendAloneAsync(TopicNode node, FaultyHandler handler, string topic, string data)
    {
        LoseValues(handler);
        var record = new EventRecord(topic, null, DateTimeOffset.UnixEpoch, Encoding.UTF8.GetBytes(data), IsRetained: true);
        await Assert.ThrowsAsync<EventLogUnavailableException>(
            () => node.AppendAsync([new NumberedRecord(1000, record.Encode(), topic, Clears: data.Length == 0)]));
        return await node.Log.GetEndAsync(Cancelled).WaitAsync(TopicNode.Limit, Cancelled);
    }

    public static async Task<string?> StoredEndAsync(StorageLog container, string topic) =>
        (await container.Container.GetBlobClient($"values/{topic}").GetPropertiesAsync(cancellationToken: Cancelled)).Value.Metadata["end"];

    public static LogPosition Parse(string id) => LogPosition.TryParse(id, out LogPosition? position) ? position : throw new FormatException(id);

    public static Task<IReadOnlyList<RetainedValue>> ReadAsync(TopicNode node, params string[] topics) => ReadAsync(node.Log, topics);

    public static async Task<IReadOnlyList<RetainedValue>> ReadAsync(IEventLog log, params string[] topics) =>
        (await log.ReadValuesAsync(new TopicSet(topics), 1000, Cancelled).WaitAsync(TopicNode.Limit, Cancelled))!;

    public static Task<(string Id, string Data)?> ValueAsync(TopicNode node, string topic) => ValueAsync(node.Log, topic);

    public static async Task<(string Id, string Data)?> ValueAsync(IEventLog log, string topic)
    {
        RetainedValue? value = (await ReadAsync(log, topic)).SingleOrDefault();
        if (value is null)
        {
            return null;
        }

        Assert.Equal(RecordKind.Event, EventRecord.Decode(value.Line.Span, out EventRecord? decoded));
        return ($"{value.End}", Encoding.UTF8.GetString(decoded!.Data.Span));
    }
}
