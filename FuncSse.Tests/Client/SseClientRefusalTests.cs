using System.Net;
using System.Net.Http.Headers;
using System.Net.ServerSentEvents;
using System.Security.Authentication;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using FuncSse.Client;

namespace FuncSse.Tests.Client;

/// <summary>What ends a reading, and what it says; tokens; typed events; options.</summary>
[Trait("Category", "Fast")]
public sealed partial class SseClientRefusalTests
{
    public static MatrixTheoryData<string, int> BlocksWithoutData => new(
        [
            "event: keep-alive\n\n", "event: keep-alive\r\n\r\n", "event: keep-alive\r\r", "event:keep-alive\n\n\n", "event: keep-alive\nid: 5\n\n", "id: 5\nevent: keep-alive\n\n",
            "event: keep-alive\n: data: x\n\n", "event: keep-alive\r\nevents: 7\r\n\r\n", ": event\nevent: keep-alive\n\n",
        ],
        [1, 7, 1000]);

    [Theory]
    [InlineData(400, "no such topic\nmore", "no such topic")]
    [InlineData(401, "", null)]
    [InlineData(403, "\r\n  not yours  \r\n", "not yours")]
    [InlineData(404, "<html>\u0007", "<html>")]
    [InlineData(418, "\0\0", null)]
    [InlineData(206, "data: 1\n\n", "data: 1")]
    [InlineData(304, "", null)]
    [InlineData(600, "x", "x")]
    public async Task Other_status_ends_the_reading(int status, string body, string? line)
    {
        ScriptedServer server = new ScriptedServer().Answer(status, body, "text/event-stream");
        SseRefusedException refused = await Assert.ThrowsAsync<SseRefusedException>(() => server.ReadAsync());
        Assert.Equal(((HttpStatusCode?)status, line), (refused.StatusCode, refused.FirstLine));
        Assert.StartsWith($"https://example.com/stream: the server answered {status}.", refused.Message, StringComparison.Ordinal);
        Assert.EndsWith(line ?? ".", refused.Message, StringComparison.Ordinal);
        Assert.Single(server.Requests);
    }

    [Theory]
    [InlineData("text/html", "the content type text/html instead")]
    [InlineData(null, "the content type none instead")]
    [InlineData("text/event-streams", "the content type text/event-streams instead")]
    [InlineData("no type", "the content type none instead")]
    public async Task Other_content_type_ends_the_reading(string? type, string says)
    {
        ScriptedServer server = new ScriptedServer().Answer(200, "<p>Sign in", type);
        SseRefusedException refused = await Assert.ThrowsAsync<SseRefusedException>(() => server.ReadAsync());
        Assert.Contains(says, refused.Message, StringComparison.Ordinal);
        Assert.Equal((HttpStatusCode.OK, "<p>Sign in"), (refused.StatusCode, refused.FirstLine));
    }

    [Theory]
    [InlineData("text/event-stream; charset=utf-8")]
    [InlineData("Text/Event-Stream;charset=iso-8859-1")]
    public async Task Parameters_of_the_content_type_do_not_matter(string type) =>
        Assert.Equal(["é"], await new ScriptedServer().Answer(200, "data: é\n\n", type).ReadAsync());

    [Fact]
    public async Task Compressed_stream_ends_the_reading()
    {
        ScriptedServer server = new ScriptedServer().Answer(200, "\u001f\u008b", "text/event-stream", ("Content-Encoding", "gzip"));
        SseRefusedException refused = await Assert.ThrowsAsync<SseRefusedException>(() => server.ReadAsync());
        Assert.Contains("Content-Encoding gzip. Set AutomaticDecompression", refused.Message, StringComparison.Ordinal);
        Assert.Null(refused.FirstLine);
    }

    [Fact]
    public async Task Long_line_of_a_refusal_is_cut_short()
    {
        ScriptedServer server = new ScriptedServer().Answer(400, new string('é', 10_000));
        SseRefusedException refused = await Assert.ThrowsAsync<SseRefusedException>(() => server.ReadAsync());
        Assert.Equal(new string('é', 200), refused.FirstLine);
    }

    [Theory]
    [InlineData("no", 5)]
    [InlineData("no\nmore", 0)] // The first line is there.
    public async Task Refusal_whose_body_never_ends_ends_the_reading(string body, int seconds)
    {
        var server = new ScriptedServer();
        using var http = new HttpClient(new OneAnswer(new HttpResponseMessage(HttpStatusCode.Forbidden) { Content = new StreamContent(new BodyStream(Encoding.UTF8.GetBytes(body), null)) }));
        await using IAsyncEnumerator<SseItem<string>> items =
            new SseClient(http, time: server.Time).ReadAsync(ScriptedServer.Address, cancellationToken: TestContext.Current.CancellationToken).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        SseRefusedException refused = await Assert.ThrowsAsync<SseRefusedException>(() => server.NextAsync(items));
        Assert.Equal((HttpStatusCode.Forbidden, "no"), (refused.StatusCode, refused.FirstLine));
        Assert.Equal(TimeSpan.FromSeconds(seconds), server.Time.Now);
    }

    [Fact]
    public async Task Hook_is_asked_once_for_a_new_token()
    {
        var asked = new List<bool>();
        var options = new SseClientOptions
        {
            PrepareRequest = (request, isUnauthorized, _) =>
            {
                asked.Add(isUnauthorized);
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", $"{asked.Count}");
                return ValueTask.CompletedTask;
            },
        };
        ScriptedServer server = new ScriptedServer().Answer(401).Stream("data: 1\n\n").Answer(503).Answer(401).Answer(401);
        Assert.Equal(HttpStatusCode.Unauthorized, (await Assert.ThrowsAsync<SseRefusedException>(() => server.ReadAsync(server.Client(options)))).StatusCode);
        Assert.Equal([false, true, false, false, true], asked);
        Assert.Equal(["Bearer 1", "Bearer 2", "Bearer 3", "Bearer 4", "Bearer 5"], server.Requests.Select(request => request.Authorization));
        Assert.Equal(TimeSpan.Zero, server.Waits[0]);
        Assert.Equal(TimeSpan.Zero, server.Waits[3]);
    }

    [Fact]
    public async Task Hook_that_cannot_reach_its_own_server_is_asked_again_and_its_faults_are_the_callers()
    {
        int calls = 0;
        var options = new SseClientOptions
        {
            PrepareRequest = (_, _, _) => ++calls switch
            {
                1 => throw new HttpRequestException("The token server is away."),
                2 => ValueTask.CompletedTask,
                _ => throw new InvalidOperationException("no user"),
            },
        };
        ScriptedServer server = new ScriptedServer().Stream("data: 1\n\n");
        await Assert.ThrowsAsync<InvalidOperationException>(() => server.ReadAsync(server.Client(options)));
        Assert.Equal(3, calls);
    }

    [Fact]
    public async Task Typed_call_reads_the_types_that_it_names()
    {
        const string Text = "event: position\ndata: {}\nid: a\n\ndata: {\"Total\":1}\n\nevent: paid\ndata: {\"Total\":2}\nid: b\n\nevent: other\ndata: no json\nid: c\n\n";
        ScriptedServer server = new ScriptedServer().Stream(Text);
        int[] totals = await TotalsAsync(server, new SseClientOptions());
        Assert.Equal([1], totals);
        Assert.Equal("c", server.Requests[1].LastEventId);
        server = new ScriptedServer().Stream(Text);
        totals = await TotalsAsync(server, new SseClientOptions { Types = ["message", "paid"] });
        Assert.Equal([1, 2], totals);
        Assert.Equal("c", server.Requests[1].LastEventId);
        await Assert.ThrowsAsync<JsonException>(() => TotalsAsync(new ScriptedServer().Stream(Text), new SseClientOptions { Types = ["other"] }));
    }

    [Fact]
    public async Task Event_that_cannot_be_read_is_the_callers_and_those_behind_it_are_whole()
    {
        ScriptedServer server = new ScriptedServer().Stream("data: 1\n\nevent: message\ndata: bad\n\ndata: 0\n\ndata: 3\nid: c\n\n");
        await using IAsyncEnumerator<SseItem<int>> items = ReadIntegers(server);
        Assert.True(await server.NextAsync(items));
        await Assert.ThrowsAsync<JsonException>(() => server.NextAsync(items));
        await Assert.ThrowsAsync<IOException>(() => server.NextAsync(items)); // It is no lost connection.
        Assert.True(await server.NextAsync(items));
        Assert.Equal(3, items.Current.Data);
        Assert.Single(server.Requests);
    }

    [Fact]
    public async Task First_event_of_a_packet_whose_reading_throws_is_no_lost_connection()
    {
        ScriptedServer server = new ScriptedServer().Stream("data: 0\n\n");
        await using IAsyncEnumerator<SseItem<int>> items = ReadIntegers(server);
        await Assert.ThrowsAsync<IOException>(() => server.NextAsync(items));
        Assert.Single(server.Requests);
    }

    // The platform's parser keeps the type of such a block for the next event.
    [Theory]
    [MemberData(nameof(BlocksWithoutData))]
    public async Task Block_without_data_gives_its_type_to_no_event(string block, int piece)
    {
        byte[] text = Encoding.UTF8.GetBytes($"{block}data: 1\n\n{block}{block}event: keep-alive\ndata: 2\n\ndata: 3\n\n{block}id: a\r\nevent: keep-alive\r\ndata: 4\r\n\r\ndata: 5\n\n");
        var server = new ScriptedServer();
        Assert.Equal(["1", "3", "5"], await server.Body(new BodyStream(text, () => 0, piece)).ReadAsync());
    }

    [Theory]
    [InlineData("event: paid\n\n")]
    [InlineData("event:\n")]
    [InlineData("event\n")]
    [InlineData("event: paid\nevent:\n")]
    public async Task Typed_call_reads_events_whose_type_is_empty(string start)
    {
        ScriptedServer server = new ScriptedServer().Stream($"{start}data: {{\"Total\":1}}\n\n");
        int[] totals = await TotalsAsync(server, new SseClientOptions());
        Assert.Equal([1], totals);
    }

    [Fact]
    public async Task Hook_that_cannot_reach_its_own_server_is_asked_again_also_after_an_id_beyond_ASCII()
    {
        int calls = 0;
        var options = new SseClientOptions
        {
            PrepareRequest = (_, _, _) => ++calls switch
            {
                2 => throw new HttpRequestException("The token server is away.", null, HttpStatusCode.ServiceUnavailable),
                3 => throw new HttpRequestException("The token server has another certificate.", new AuthenticationException()),
                _ => ValueTask.CompletedTask,
            },
        };
        ScriptedServer server = new ScriptedServer().Stream("data: 1\nid: é\n\n").Stream("data: 2\n\n");
        Assert.Equal(["1", "2"], await server.ReadAsync(server.Client(options)));
    }

    [Fact]
    public async Task Lists_of_the_options_are_copied()
    {
        var options = new SseClientOptions();
        ScriptedServer server = new ScriptedServer().Stream("data: 1\n\n");
        SseClient client = server.Client(options);
        options.PassedOver.Add("message");
        options.Types.Clear();
        Assert.Equal(["1"], await server.ReadAsync(client));
    }

    [Fact]
    public void Options_are_checked_when_the_client_is_made()
    {
        using var http = new HttpClient();
        SseClientOptions[] bad =
        [
            new() { Silence = TimeSpan.Zero }, new() { Silence = TimeSpan.FromDays(2) }, new() { Retry = TimeSpan.FromTicks(1) }, new() { Retry = Timeout.InfiniteTimeSpan },
            new() { MaxBackoff = TimeSpan.FromDays(2) }, new() { MaxEventSize = 0 }, new() { MaxEventSize = 40_000_000 },
        ];
        Assert.All(bad, options => Assert.Throws<ArgumentOutOfRangeException>(() => new SseClient(http, options)));
        _ = new SseClient(http, new SseClientOptions { Silence = Timeout.InfiniteTimeSpan });
    }

    [Fact]
    public void Arguments_are_checked_at_the_call()
    {
        using var http = new HttpClient();
        var client = new SseClient(http);
        Assert.Throws<ArgumentException>(() => client.ReadAsync(new Uri("relative", UriKind.Relative), null, TestContext.Current.CancellationToken));
        Assert.Throws<ArgumentException>(() => client.ReadAsync(ScriptedServer.Address, "a\nb", TestContext.Current.CancellationToken));
        Assert.Throws<ArgumentNullException>(() => client.ReadAsync(null!, null, TestContext.Current.CancellationToken));
        Assert.Throws<ArgumentNullException>(() => client.ReadAsync<int>(ScriptedServer.Address, null!, null, TestContext.Current.CancellationToken));
    }

    private static IAsyncEnumerator<SseItem<int>> ReadIntegers(ScriptedServer server)
    {
        var json = new JsonSerializerOptions { TypeInfoResolver = new DefaultJsonTypeInfoResolver(), Converters = { new FailingConverter() } };
        return server.Client().ReadAsync(ScriptedServer.Address, (JsonTypeInfo<int>)json.GetTypeInfo(typeof(int)), null, TestContext.Current.CancellationToken)
            .GetAsyncEnumerator(TestContext.Current.CancellationToken);
    }

    private static async Task<int[]> TotalsAsync(ScriptedServer server, SseClientOptions options)
    {
        var totals = new List<int>();
        await using IAsyncEnumerator<SseItem<Order>> items =
            server.Client(options).ReadAsync(ScriptedServer.Address, OrderJson.Default.Order).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        while (await server.NextAsync(items))
        {
            totals.Add(items.Current.Data.Total);
        }

        return [.. totals];
    }

    internal sealed record Order(int Total);

    [JsonSerializable(typeof(Order))]
    private sealed partial class OrderJson : JsonSerializerContext;

    private sealed class OneAnswer(HttpResponseMessage response) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) => Task.FromResult(response);
    }

    private sealed class FailingConverter : JsonConverter<int>
    {
        public override int Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.GetInt32() is not 0 and int value ? value : throw new IOException("The converter's own file is missing.");

        public override void Write(Utf8JsonWriter writer, int value, JsonSerializerOptions options) => throw new NotSupportedException();
    }
}
