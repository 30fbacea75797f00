using System.Net.ServerSentEvents;
using System.Text;
using System.Text.RegularExpressions;
using FuncSse.Client;

namespace FuncSse.Tests.Client;

/// <summary>Streams of random lines, in random pieces: the events and the last id are those of the HTML standard (§9.2.6).</summary>
[Trait("Category", "Fast")]
public sealed partial class SseClientStandardTests
{
    private static readonly string[] s_lines =
    [
        "", "", "", "data: x", "data:y", "data", "data: event: z", "database: x", "event: a", "event:b", "event", "event:", "events: c", "id: 1", "id:2", "id", "id: \0",
        ": event", ":", "retry: 1", "other",
    ];

    [Fact]
    public async Task Events_and_ids_are_those_of_the_standard()
    {
        for (int seed = 0; seed < 2000; seed++)
        {
            var random = new Random(seed);
            string text = string.Concat(Enumerable.Range(0, random.Next(1, 40)).Select(_ => s_lines[random.Next(s_lines.Length)] + random.GetItems(["\n", "\r", "\r\n"], 1)[0]));
            (string[] events, string? id) = Interpret(text);
            var server = new ScriptedServer();
            SseClient client = server.Body(new BodyStream(Encoding.UTF8.GetBytes(text), () => 0, random.Next(1, 20))).Client(new SseClientOptions { PassedOver = [] });
            var read = new List<string>();
            await using IAsyncEnumerator<SseItem<string>> items =
                client.ReadAsync(ScriptedServer.Address, "0", TestContext.Current.CancellationToken).GetAsyncEnumerator(TestContext.Current.CancellationToken);
            while (await server.NextAsync(items))
            {
                read.Add($"{(items.Current.EventType.Length > 0 ? items.Current.EventType : "message")} {items.Current.Data}");
            }

            Assert.True(events.SequenceEqual(read), $"Seed {seed}: {string.Join(", ", read)} in place of {string.Join(", ", events)} for {Regex.Escape(text)}");
            Assert.True(id == server.Requests[1].LastEventId, $"Seed {seed}: the id {server.Requests[1].LastEventId} in place of {id} for {Regex.Escape(text)}");
        }
    }

    // The id is that of the last event, so that what follows it without data makes no difference.
    private static (string[] Events, string? LastEventId) Interpret(string text)
    {
        var events = new List<string>();
        (string type, string? data, string id, string last) = ("", null, "0", "0");
        string[] lines = LineEnd().Split(text);
        foreach (string line in lines[..^1])
        {
            if (line.Length == 0)
            {
                if (data is not null)
                {
                    events.Add($"{(type.Length > 0 ? type : "message")} {data}");
                    last = id;
                }

                (type, data) = ("", null);
                continue;
            }

            string[] parts = line.Split(':', 2);
            string value = parts.Length < 2 ? "" : parts[1].StartsWith(' ') ? parts[1][1..] : parts[1];
            (type, data, id) = parts[0] switch
            {
                "event" => (value, data, id),
                "data" => (type, data is null ? value : $"{data}\n{value}", id),
                "id" when !value.Contains('\0', StringComparison.Ordinal) => (type, data, value),
                _ => (type, data, id),
            };
        }

        return ([.. events], last.Length > 0 ? last : null);
    }

    [GeneratedRegex("\r\n|\r|\n")]
    private static partial Regex LineEnd();
}
