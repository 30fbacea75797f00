using System.Diagnostics;
using System.Net;
using System.Net.ServerSentEvents;
using System.Text;

namespace FuncSse.Tests;

/// <summary>The wire over a real socket, against the self-host or whatever <c>FUNCSSE_URL</c> names.</summary>
public sealed class EndToEndTests(Server server) : IClassFixture<Server>, IDisposable
{
    // Of every wait, so that a fault fails its own test and does not hang the run.
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    // As browsers send it: an id in UTF-8.
    private readonly HttpClient _client = new(new SocketsHttpHandler { RequestHeaderEncodingSelector = static (_, _) => Encoding.UTF8 })
    {
        BaseAddress = server.Address,
        Timeout = s_limit,
    };

    public static TheoryData<string> HostileIds => new(
        "-1", "abc", "99999999999999999999999999999999", "1e3", "0x10", "1,2", "\u00e9", "\U0001F30D", "<script>", "'; drop table", "%00", "%ff%fe",
        "../../etc/passwd", new string('9', 4_000), new string('a', 4_000), "\u0663");

    public void Dispose() => _client.Dispose();

    [Fact]
    public async Task Headers_and_retry_arrive_before_the_first_event()
    {
        using HttpResponseMessage response = await OpenAsync();
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType?.ToString());
        Assert.Equal("no-cache, no-store, no-transform", response.Headers.NonValidated["Cache-Control"].ToString());
        Assert.Equal("no", Assert.Single(response.Headers.GetValues("X-Accel-Buffering")));
        Assert.Equal("*", Assert.Single(response.Headers.GetValues("Access-Control-Allow-Origin")));
        Assert.Null(response.Content.Headers.ContentLength);
        Assert.Empty(response.Content.Headers.ContentEncoding);

        Stream body = await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken);
        byte[] buffer = new byte[1024];
        int read = await body.ReadAsync(buffer, TestContext.Current.CancellationToken).AsTask().WaitAsync(s_limit, TestContext.Current.CancellationToken);
        Assert.Equal("retry: 1000\n\n", Encoding.UTF8.GetString(buffer, 0, read));
        long retryCame = Stopwatch.GetTimestamp();
        read = await body.ReadAsync(buffer, TestContext.Current.CancellationToken).AsTask().WaitAsync(s_limit, TestContext.Current.CancellationToken);
        Assert.Equal("data: 1\nid: 1\n\n", Encoding.UTF8.GetString(buffer, 0, read));
        Assert.True(Stopwatch.GetElapsedTime(retryCame) > TimeSpan.FromMilliseconds(500), "The first event came with the headers.");
    }

    [Theory]
    [InlineData("41", null, "42")]
    [InlineData(null, "41", "42")]
    [InlineData("41", "7", "42")]
    [InlineData(null, null, "1")]
    public async Task Stream_goes_on_after_the_last_event_id(string? header, string? query, string next)
    {
        using HttpResponseMessage response = await OpenAsync(query is null ? "events" : $"events?lastEventId={query}", header);
        Assert.Equal(next, await FirstIdAsync(response));
    }

    [Theory]
    [MemberData(nameof(HostileIds))]
    public async Task Hostile_last_event_id_gets_a_fresh_stream(string id)
    {
        // The Functions host itself answers 500 to a header beyond ASCII.
        using HttpResponseMessage byHeader = await OpenAsync("events", server.IsOwn || Ascii.IsValid(id) ? id : null);
        using HttpResponseMessage byQuery = await OpenAsync($"events?lastEventId={Uri.EscapeDataString(id)}");
        using HttpResponseMessage raw = await OpenAsync($"events?lastEventId={id.Replace("#", "", StringComparison.Ordinal)}&x=%&%%%=&==&");
        Assert.Equal("1", await FirstIdAsync(byHeader));
        Assert.Equal("1", await FirstIdAsync(byQuery));
        Assert.Equal("1", await FirstIdAsync(raw));
    }

    [Fact]
    public async Task Head_and_options_return_at_once_and_the_connection_stays_usable()
    {
        for (int i = 0; i < 5; i++)
        {
            using HttpResponseMessage head = await _client.SendAsync(new HttpRequestMessage(HttpMethod.Head, "events"), TestContext.Current.CancellationToken);
            Assert.Equal(HttpStatusCode.OK, head.StatusCode);
            Assert.Equal("text/event-stream", head.Content.Headers.ContentType?.ToString());
            Assert.Empty(await head.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken));
            using HttpResponseMessage options = await _client.SendAsync(new HttpRequestMessage(HttpMethod.Options, "events"), TestContext.Current.CancellationToken);
            Assert.Equal(HttpStatusCode.NoContent, options.StatusCode);
            Assert.Equal("*", Assert.Single(options.Headers.GetValues("Access-Control-Allow-Origin")));
        }

        using HttpResponseMessage stream = await OpenAsync();
        Assert.Equal("1", await FirstIdAsync(stream));
    }

    [Theory]
    [InlineData("events/x")]
    [InlineData("nothing")]
    [InlineData("index.html")]
    [InlineData("static/index.html")]
    [InlineData("host.json")]
    [InlineData("appsettings.json")]
    [InlineData("static/../host.json")]
    [InlineData("%2e%2e/host.json")]
    [InlineData("..%2f..%2fetc/passwd")]
    [InlineData("static/%2e%2e%5chost.json")]
    [InlineData("//etc/passwd")]
    public async Task Unknown_path_is_a_plain_404(string path)
    {
        using HttpResponseMessage response = await _client.GetAsync(new Uri(server.Address + path), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        Assert.DoesNotContain("functionTimeout", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Page_comes_with_a_policy_that_allows_its_own_scripts_alone_and_is_not_sent_twice()
    {
        using HttpResponseMessage page = await _client.GetAsync("", TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, page.StatusCode);
        Assert.Equal("text/html; charset=utf-8", page.Content.Headers.ContentType?.ToString());
        string policy = Assert.Single(page.Headers.GetValues("Content-Security-Policy"));
        Assert.Matches("^default-src 'none'; script-src 'self' 'sha256-[^ ]{44}' 'sha256-[^ ]{44}'; style-src 'sha256-[^ ]{44}'; ", policy);
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
        string html = await page.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.Contains("import { subscribe } from './funcsse.js';", html, StringComparison.Ordinal);
        string module = await _client.GetStringAsync(new Uri("funcsse.js", UriKind.Relative), TestContext.Current.CancellationToken);
        Assert.Contains("new EventSource", module, StringComparison.Ordinal);

        using var again = new HttpRequestMessage(HttpMethod.Get, "");
        again.Headers.IfNoneMatch.Add(page.Headers.ETag!);
        using HttpResponseMessage unchanged = await _client.SendAsync(again, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.NotModified, unchanged.StatusCode);

        using HttpResponseMessage head = await _client.SendAsync(new HttpRequestMessage(HttpMethod.Head, ""), TestContext.Current.CancellationToken);
        Assert.Equal(Encoding.UTF8.GetByteCount(html), head.Content.Headers.ContentLength);
    }

    private async Task<HttpResponseMessage> OpenAsync(string path = "events", string? lastEventId = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (lastEventId is not null)
        {
            request.Headers.TryAddWithoutValidation("Last-Event-ID", lastEventId);
        }

        return await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
    }

    private static async Task<string?> FirstIdAsync(HttpResponseMessage response)
    {
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Stream body = await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(s_limit);
        await foreach (SseItem<string> item in SseParser.Create(body).EnumerateAsync(limit.Token))
        {
            Assert.Equal(item.EventId, item.Data);
            return item.EventId;
        }

        return null;
    }
}
