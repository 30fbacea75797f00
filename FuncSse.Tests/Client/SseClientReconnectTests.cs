using System.Net.ServerSentEvents;
using FuncSse.Client;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;

namespace FuncSse.Tests.Client;

/// <summary>When the client comes back, after how long, and with which id.</summary>
[Trait("Category", "Fast")]
public sealed class SseClientReconnectTests
{
    private static readonly TimeSpan s_second = TimeSpan.FromSeconds(1);

    [Fact]
    public async Task Clean_end_is_followed_by_the_next_stream_with_the_last_id()
    {
        ScriptedServer server = new ScriptedServer().Stream("data: 1\nid: a\n\n").Stream("retry: 250\n\ndata: 2\nid: b\n\n").Stream("data: 3\n\n");
        Assert.Equal(["1", "2", "3"], await server.ReadAsync());
        Assert.Equal([null, "a", "b", "b"], server.Requests.Select(request => request.LastEventId));
        Assert.Equal([s_second, TimeSpan.FromMilliseconds(250), TimeSpan.FromMilliseconds(250)], server.Waits);
    }

    [Theory]
    [InlineData(408)]
    [InlineData(425)]
    [InlineData(429)]
    [InlineData(500)]
    [InlineData(503)]
    [InlineData(599)]
    public async Task Temporary_refusal_is_tried_again(int status)
    {
        ScriptedServer server = new ScriptedServer().Stream("retry: 2000\nid: a\ndata: 1\n\n").Answer(status, "later").Stream("data: 2\n\n");
        Assert.Equal(["1", "2"], await server.ReadAsync());
        Assert.Equal([null, "a", "a", "a"], server.Requests.Select(request => request.LastEventId));
        Assert.Equal(2 * s_second, server.Waits[1]);
    }

    [Theory]
    [InlineData("7", 7)]
    [InlineData("300", 300)]
    [InlineData("301", 300)]
    [InlineData("99999999", 300)]
    [InlineData("0", 1)] // The server would be flooded.
    [InlineData("Thu, 01 Jan 1970 00:01:00 GMT", 60)]
    [InlineData("Thu, 01 Jan 1970 23:00:00 GMT", 300)]
    [InlineData("Wed, 31 Dec 1969 23:59:00 GMT", 1)]
    [InlineData("soon", 1)]
    public async Task Retry_After_is_obeyed_up_to_five_minutes(string value, int seconds)
    {
        ScriptedServer server = new ScriptedServer().Answer(503, "", null, ("Retry-After", value)).Stream("data: 1\n\n");
        Assert.Equal(["1"], await server.ReadAsync());
        Assert.Equal(TimeSpan.FromSeconds(seconds), server.Waits[0]);
    }

    [Theory]
    [InlineData("refused")]
    [InlineData("reset")]
    [InlineData("timeout")]
    [InlineData("corrupt")]
    public async Task Lost_connection_is_made_again(string how)
    {
        ScriptedServer server = new ScriptedServer().Stream("data: 1\nid: a\n\n");
        server = how switch
        {
            "refused" => server.Fail(new HttpRequestException("refused")),
            "timeout" => server.Fail(new TaskCanceledException("HttpClient.Timeout", new TimeoutException())),
            "corrupt" => server.Body(new BodyStream("data: x"u8.ToArray(), () => throw new InvalidDataException("gzip"))),
            _ => server.Broken("data: lost"),
        };
        Assert.Equal(["1", "2"], await server.Stream("data: 2\n\n").ReadAsync());
        Assert.Equal([null, "a", "a", "a"], server.Requests.Select(request => request.LastEventId));
    }

    [Theory]
    [InlineData("id: b\ndata: 2\n")]
    [InlineData("id: b\n")]
    [InlineData("data: 2\nid: b\n")]
    public async Task Id_of_an_event_that_did_not_come_whole_is_not_taken(string half)
    {
        ScriptedServer server = new ScriptedServer().Broken($"id: a\ndata: 1\n\n{half}").Stream($"{half}\n");
        await server.ReadAsync();
        Assert.Equal("a", server.Requests[1].LastEventId);
    }

    [Fact]
    public async Task Id_that_the_server_clears_is_not_sent_again()
    {
        ScriptedServer server = new ScriptedServer().Stream("data: 1\nid: a\n\n").Stream("data: 2\nid\n\n");
        await server.ReadAsync();
        Assert.Equal([null, "a", null], server.Requests.Select(request => request.LastEventId));
    }

    [Fact]
    public async Task Positions_and_keep_alives_are_passed_over_and_their_ids_count()
    {
        ScriptedServer server = new ScriptedServer()
            .Stream("event: position\ndata: {}\nid: a\n\n")
            .Stream("event: keep-alive\ndata: {}\nid: b\n\n")
            .Stream("event: other\ndata: 1\n\n");
        Assert.Equal(["1"], await server.ReadAsync(lastEventId: "0"));
        Assert.Equal(["0", "a", "b", "b"], server.Requests.Select(request => request.LastEventId));
    }

    [Fact]
    public async Task What_is_passed_over_can_be_set()
    {
        ScriptedServer server = new ScriptedServer().Stream("event: position\ndata: {}\n\ndata: 1\n\nevent: other\ndata: 2\n\n");
        Assert.Equal(["{}", "2"], await server.ReadAsync(server.Client(new SseClientOptions { PassedOver = ["message"] })));
    }

    [Fact]
    public async Task Wait_doubles_up_to_a_limit_while_it_fails_and_starts_again_after_an_event()
    {
        ScriptedServer server = new ScriptedServer();
        for (int attempt = 0; attempt < 10; attempt++)
        {
            server.Fail(new HttpRequestException("refused"));
        }

        await server.Broken("data: 1\n\n").Fail(new HttpRequestException("refused")).ReadAsync();
        double[] most = [1, 2, 4, 8, 16, 30, 30, 30, 30, 30, 1, 2];
        Assert.Equal(most.Length, server.Waits.Length);
        Assert.All(server.Waits.Zip(most), wait => Assert.InRange(wait.First.TotalSeconds, Math.Max(1, wait.Second / 2), wait.Second));
        Assert.True(server.Waits[5..10].Distinct().Count() > 1, "The waits are not random.");
    }

    [Fact]
    public async Task Longer_retry_than_the_limit_is_obeyed_while_it_fails()
    {
        ScriptedServer server = new ScriptedServer().Broken("retry: 60000\n\n").Fail(new HttpRequestException("refused"));
        await server.ReadAsync();
        Assert.Equal([TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(1)], server.Waits);
    }

    [Theory]
    [InlineData("retry: 99999999999\n\ndata: 1\n\n", 86_400_000)]
    [InlineData("retry: 99999999999999999999\n\ndata: 1\n\n", 86_400_000)]
    [InlineData("retry: 5\0\n\ndata: 1\n\n", 1000)]
    [InlineData("retry: soon\n\ndata: 1\n\n", 1000)]
    [InlineData("retry:\n\ndata: 1\n\n", 1000)]
    [InlineData("retry: -5\n\ndata: 1\n\n", 1000)]
    [InlineData("retry: 0\n\ndata: 1\n\n", 0)]
    [InlineData("retry: 0\n\n", 100)]
    public async Task Retry_is_obeyed_within_a_day(string text, int milliseconds)
    {
        ScriptedServer server = new ScriptedServer().Stream(text);
        await server.ReadAsync();
        Assert.Equal(TimeSpan.FromMilliseconds(milliseconds), Assert.Single(server.Waits));
    }

    [Fact]
    public async Task Server_that_says_no_wait_and_fails_is_not_flooded()
    {
        ScriptedServer server = new ScriptedServer().Stream("retry: 0\n\ndata: 1\n\n");
        for (int attempt = 0; attempt < 20; attempt++)
        {
            server.Answer(503);
        }

        await server.ReadAsync();
        Assert.InRange(server.Requests[^1].At, TimeSpan.FromMinutes(2), TimeSpan.FromMinutes(10));
    }

    [Fact]
    public async Task Silence_is_a_lost_connection()
    {
        ScriptedServer server = new ScriptedServer().Silent("data: 1\nid: a\n\n:\n\n").Stream("data: 2\n\n");
        Assert.Equal(["1", "2"], await server.ReadAsync());
        Assert.Equal(TimeSpan.FromSeconds(45 + 1), server.Waits[0]);
        Assert.Equal("a", server.Requests[1].LastEventId);
    }

    [Fact]
    public async Task Comment_is_life()
    {
        var server = new ScriptedServer();
        // Each comment comes after 40 s.
        int comments = 5;
        await using var body = new PacedStream(server.Time, TimeSpan.FromSeconds(40), () => comments-- > 0 ? ":\n\n" : "data: 1\n\n", 6);
        Assert.Equal(["1"], await server.Body(body).ReadAsync());
        Assert.Equal(TimeSpan.FromSeconds((6 * 40) + 1), server.Waits[0]);
    }

    [Fact]
    public async Task Consumer_that_takes_long_is_no_silence()
    {
        ScriptedServer server = new ScriptedServer().Stream("data: 1\n\ndata: 2\n\n");
        await using IAsyncEnumerator<SseItem<string>> items = server.Client().ReadAsync(ScriptedServer.Address, cancellationToken: TestContext.Current.CancellationToken).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        Assert.True(await server.NextAsync(items));
        server.Time.Advance(TimeSpan.FromHours(1));
        Assert.True(await server.NextAsync(items));
        Assert.Single(server.Requests);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Disposal_in_the_middle_of_a_wait_ends_it_and_the_stream(bool isRead)
    {
        ScriptedServer server = new ScriptedServer().Stream("data: 1\n\n");
        server = isRead ? server.Silent(":\n\n") : server.Fail(new HttpRequestException("refused")).Silent(":\n\n");
        IAsyncEnumerator<SseItem<string>> items = server.Client().ReadAsync(ScriptedServer.Address, cancellationToken: TestContext.Current.CancellationToken).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        Assert.True(await server.NextAsync(items));
        Task<bool> next = items.MoveNextAsync().AsTask();
        server.Time.Advance(s_second);
        Assert.Equal(2, server.Requests.Count);
        Assert.False(next.IsCompleted);
        await items.DisposeAsync();
        await next.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken).ContinueWith(_ => { }, TestContext.Current.CancellationToken, TaskContinuationOptions.None, TaskScheduler.Default);
        Assert.True(next.IsCompleted);
        Assert.Null(server.Time.NextDue);
        Assert.False(await items.MoveNextAsync());
        Assert.Equal(2, server.Requests.Count);
        await items.DisposeAsync();
    }

    [Fact]
    public async Task Cancellation_ends_a_wait_and_a_read()
    {
        using var cancel = new CancellationTokenSource();
        ScriptedServer server = new ScriptedServer().Silent("data: 1\n\n");
        await using IAsyncEnumerator<SseItem<string>> reading = server.Client().ReadAsync(ScriptedServer.Address, cancellationToken: TestContext.Current.CancellationToken).GetAsyncEnumerator(cancel.Token);
        Assert.True(await server.NextAsync(reading));
        Task<bool> read = reading.MoveNextAsync().AsTask();
        await using IAsyncEnumerator<SseItem<string>> waiting =
            server.Fail(new HttpRequestException("refused")).Client().ReadAsync(ScriptedServer.Address, cancellationToken: cancel.Token).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        Task<bool> wait = waiting.MoveNextAsync().AsTask();
        Assert.False(read.IsCompleted || wait.IsCompleted);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => read.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => wait.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Stream_that_is_over_stays_over_and_each_enumeration_begins_anew()
    {
        ScriptedServer server = new ScriptedServer().Stream("data: 1\nid: a\n\n");
        IAsyncEnumerable<SseItem<string>> events = server.Client().ReadAsync(ScriptedServer.Address, "0", TestContext.Current.CancellationToken);
        await using IAsyncEnumerator<SseItem<string>> items = events.GetAsyncEnumerator(TestContext.Current.CancellationToken);
        Assert.True(await server.NextAsync(items));
        Assert.False(await server.NextAsync(items));
        Assert.False(await server.NextAsync(items));
        await using IAsyncEnumerator<SseItem<string>> again = events.GetAsyncEnumerator(TestContext.Current.CancellationToken);
        Assert.False(await server.NextAsync(again));
        Assert.Equal(["0", "a", "0"], server.Requests.Select(request => request.LastEventId));
    }

    [Fact]
    public async Task First_loss_is_a_warning_and_no_line_has_the_query()
    {
        var logger = new FakeLogger<SseClient>();
        ScriptedServer server = new ScriptedServer().Answer(503).Answer(503).Stream("data: 1\n\n").Answer(503);
        await server.ReadAsync(server.Client(logger: logger));
        IReadOnlyList<FakeLogRecord> lines = logger.Collector.GetSnapshot();
        Assert.Equal(2, lines.Count(line => line.Level == LogLevel.Warning));
        Assert.Contains(lines, line => line.Message.StartsWith("https://example.com/stream cannot be read", StringComparison.Ordinal));
        Assert.DoesNotContain(lines, line => line.Message.Contains("secret", StringComparison.Ordinal) || $"{line.Exception}".Contains("secret", StringComparison.Ordinal));
    }

    /// <summary>Each piece comes when some time has passed on the clock.</summary>
    private sealed class PacedStream(TimeProvider time, TimeSpan pause, Func<string> next, int count) : MemoryStream
    {
        private int _sent;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (_sent++ == count)
            {
                return 0;
            }

            await Task.Delay(pause, time, cancellationToken);
            return System.Text.Encoding.UTF8.GetBytes(next(), buffer.Span);
        }
    }
}
