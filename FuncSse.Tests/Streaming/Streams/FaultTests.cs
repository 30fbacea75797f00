using System.Diagnostics;
using System.Globalization;
using System.Net.ServerSentEvents;
using System.Text;
using System.Text.RegularExpressions;
using FuncSse.Streaming;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Primitives;

namespace FuncSse.Tests;

/// <summary>Clients that misbehave, over real sockets: no stream stays open, no other stream feels it, and the memory comes back.</summary>
public sealed class FaultTests
{
    private static readonly (string, string)[] s_fast = [("Sse:Interval", "00:00:00.02")];

    [Fact]
    public async Task Clients_that_vanish_leave_no_stream_behind()
    {
        await using AppServer server = await AppServer.StartAsync(s_fast);
        for (int round = 0; round < 3; round++)
        {
            RawClient[] clients = await Task.WhenAll(Enumerable.Range(0, 300).Select(_ => RawClient.GetAsync(server.Address)));
            await Eventually.TrueAsync(() => server.Streams.Open == 300);
            await clients[0].ReadUntilAsync("data: 3");
            Array.ForEach(clients, client => client.Vanish());
            await Eventually.TrueAsync(() => server.Streams.Open == 0);
        }

        server.AssertQuiet();
    }

    [Fact]
    public async Task Clients_that_reset_their_connection_at_once_take_no_place()
    {
        await using AppServer server = await AppServer.StartAsync(s_fast);
        await Parallel.ForEachAsync(Enumerable.Range(0, 3_000), new ParallelOptions { MaxDegreeOfParallelism = 32 }, async (_, _) =>
        {
            using RawClient client = await RawClient.GetAsync(server.Address);
        });
        await Eventually.TrueAsync(() => server.Streams.Open == 0);
        server.AssertQuiet();
    }

    [Fact]
    public async Task Client_that_closes_half_its_connection_has_left()
    {
        await using AppServer server = await AppServer.StartAsync(s_fast);
        using RawClient client = await RawClient.GetAsync(server.Address);
        await client.ReadUntilAsync("data: 2");
        client.CloseHalf();
        await Eventually.TrueAsync(() => server.Streams.Open == 0);
        server.AssertQuiet();
    }

    [Fact]
    public async Task Client_that_reads_slowly_is_not_dropped()
    {
        string large = new('x', 4 * 1024 * 1024);
        await using AppServer server = await AppServer.StartAsync([("Sse:WriteTimeout", "00:00:02")], ("/flood", (_, _) => AppServer.Flood(large)));
        using RawClient client = await RawClient.GetAsync(server.Address, "/flood");
        long start = Stopwatch.GetTimestamp();
        int reads = 0;
        while (Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(6))
        {
            Assert.NotEqual(0, await client.ReadSomeAsync(64 * 1024));
            reads++;
            await Task.Delay(20, TestContext.Current.CancellationToken); // The slowness that is to be tested.
        }

        Assert.True(reads > 1);
        Assert.Equal(1, server.Streams.Open);
    }

    [Fact]
    public async Task Client_that_never_reads_from_its_http2_connection_is_dropped_together_with_it()
    {
        string large = new('x', 64 * 1024);
        await using AppServer server = await AppServer.StartAsync(
            listen =>
            {
                listen.Protocols = HttpProtocols.Http2;
                listen.KestrelServerOptions.Limits.MinResponseDataRate = null; // Kestrel would drop it too, some minutes later.
            },
            [("Sse:WriteTimeout", "00:00:01")],
            ("/flood", (_, _) => AppServer.Flood(large)));
        using RawClient client = await RawClient.GetByHttp2Async(server.Address, "/flood");
        await Eventually.TrueAsync(() => server.Streams.Open == 1);
        await Eventually.TrueAsync(
            () => server.Logs.GetSnapshot().Any(entry => entry.Message.EndsWith("client_stalled.", StringComparison.Ordinal)));
        Assert.Equal(0, server.Streams.Open);
        await client.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        server.AssertQuiet();
    }

    [Fact]
    public async Task Feed_that_blocks_its_thread_stops_no_other_stream()
    {
        using var release = new ManualResetEventSlim();
        await using AppServer server = await AppServer.StartAsync(s_fast, ("/blocked", (_, _) => Blocked(release)));
        using RawClient blocked = await RawClient.GetAsync(server.Address, "/blocked");
        await Eventually.TrueAsync(() => server.Streams.Open == 1);
        try
        {
            using RawClient other = await RawClient.GetAsync(server.Address);
            Assert.Contains("data: 20\n", await other.ReadUntilAsync("data: 20\n"), StringComparison.Ordinal);
        }
        finally
        {
            release.Set();
        }
    }

    [Fact]
    public async Task Hostile_requests_are_answered_200_and_never_break_the_count()
    {
        const int InMemory = 20_000;
        const int OverSockets = 5_000;
        int seed = Random.Shared.Next();
        var random = new Random(seed);
        using var stream = new StreamHarness();
        for (int i = 0; i < InMemory; i++)
        {
            DefaultHttpContext http = stream.NewRequest();
            http.Request.Headers["Last-Event-ID"] = random.Next(3) == 0 ? default(StringValues) : RandomText(random);
            http.Request.Headers.Origin = RandomText(random);
            http.Request.QueryString = new QueryString($"?{RandomText(random)}&lastEventId={RandomText(random)}");
            string? id = null;
            await new SseStreamResult<string>((lastEventId, _) =>
            {
                id = lastEventId;
                return new[] { new SseItem<string>("a") { EventId = "1" } }.ToAsyncEnumerable();
            }).ExecuteAsync(http);
            Assert.True(http.Response.StatusCode == 200, $"seed {seed}");
            Assert.StartsWith("retry: 1000\n\n", stream.Read(), StringComparison.Ordinal);

            await using IAsyncEnumerator<SseItem<string>> events = stream.Counter.ReadAsync(id, CancellationToken.None).GetAsyncEnumerator(CancellationToken.None);
            ValueTask<bool> move = events.MoveNextAsync();
            stream.Time.Advance(TimeSpan.FromSeconds(1));
            Assert.True(await move);
            string expected = id is not null && Regex.IsMatch(id, @"\A[0-9]{1,18}\z") ? $"{long.Parse(id, CultureInfo.InvariantCulture) + 1}" : "1";
            Assert.True(expected == events.Current.EventId, $"seed {seed}, id {id}");
        }

        await using AppServer server = await AppServer.StartAsync([]);
        await Parallel.ForEachAsync(Enumerable.Range(0, OverSockets), new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, _) =>
        {
            using RawClient client = await RawClient.SendAsync(server.Address, RandomRequest(new Random(seed + i), server.Address.Authority));
            string answer = await client.ReadUntilAsync("retry: 1000\n\n");
            Assert.True(answer.StartsWith("HTTP/1.1 200 OK", StringComparison.Ordinal), $"seed {seed} + {i}: {answer}");
        });
        await Eventually.TrueAsync(() => server.Streams.Open == 0);
        server.AssertQuiet();
    }

    private static string RandomText(Random random)
    {
        string[] parts = ["0", "1", "9", "-", "+", " ", "\0", "\t", "e", ".", ",", "%", "%00", "%zz", "=", "&", "#", "é", "٣", "🌍", "\ud83c", "id: 1", "999999999999999999"];
        int length = random.Next(100) == 0 ? 5_000 : random.Next(6);
        return random.Next(3) == 0
            ? random.NextInt64(long.MaxValue).ToString(CultureInfo.InvariantCulture)[..random.Next(1, 15)]
            : string.Concat(random.GetItems(parts, length));
    }

    // Well-formed HTTP around whatever bytes a client may put into it, as long as Kestrel's own limits let it be.
    private static byte[] RandomRequest(Random random, string authority)
    {
        var request = new List<byte>();
        request.AddRange(Encoding.Latin1.GetBytes($"GET /events?lastEventId={RandomBytes('!', '~')}&{RandomBytes('!', '~')} HTTP/1.1\r\nHost: {authority}\r\n"));
        request.AddRange(Encoding.Latin1.GetBytes($"Last-Event-ID: {RandomBytes(' ', 'ÿ')}\r\nOrigin: {RandomBytes(' ', '~')}\r\nX-Any: {RandomBytes(' ', '~')}\r\n\r\n"));
        return [.. request];

        string RandomBytes(char min, char max)
        {
            int length = random.Next(1_000) switch { 0 => 3_000, < 10 => 1_000, _ => random.Next(40) };
            return string.Create(length, (random, min, max), static (span, state) =>
            {
                foreach (ref char c in span)
                {
                    c = (char)state.random.Next(state.min, state.max + 1);
                    c = c is '#' or '\u007f' ? 'x' : c;
                }
            });
        }
    }

    private static async IAsyncEnumerable<SseItem<string>> Blocked(ManualResetEventSlim release)
    {
        release.Wait();
        await Task.Yield();
        yield break;
    }
}
