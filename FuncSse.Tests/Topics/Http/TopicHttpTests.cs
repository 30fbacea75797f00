using System.Net;
using System.Text;

namespace FuncSse.Tests.Topics;

/// <summary>Topics over HTTP, against the self-host or whatever <c>FUNCSSE_URL</c> names.</summary>
public sealed class TopicHttpTests(Server server) : IClassFixture<Server>, IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    private readonly HttpClient _client = new() { BaseAddress = server.Address, Timeout = s_limit };
    private readonly string _topic = $"test/{Guid.NewGuid():N}";

    public void Dispose() => _client.Dispose();

    [Fact]
    public async Task Stream_opens_with_its_position_and_gets_what_is_published()
    {
        using TopicClient stream = await OpenAsync($"topics/{_topic}");
        Assert.Equal("retry: 1000\n\n", await stream.FrameAsync());
        string position = await stream.FrameAsync();
        Assert.Matches("^event: position\ndata: {}\nid: [A-Za-z0-9_.-]{1,64}\n\n$", position);
        string first = await PublishAsync(_topic, "hello\nworld");
        string second = await PublishAsync(_topic, "", "?type=order");
        Assert.Equal($"data: hello\ndata: world\nid: {first}\n\n", await stream.FrameAsync());
        Assert.Equal($"event: order\ndata: \nid: {second}\n\n", await stream.FrameAsync());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Client_that_comes_back_gets_what_it_missed(bool byHeader)
    {
        string first = await PublishAsync(_topic, "1");
        string second = await PublishAsync(_topic, "2");
        string third = await PublishAsync(_topic, "3");
        using TopicClient stream = await OpenAsync(byHeader ? $"topics/{_topic}" : $"topics/{_topic}?last_event_id={first}", byHeader ? first : null);
        await stream.FrameAsync();
        Assert.Equal($"event: position\ndata: {{}}\nid: {first}\n\n", await stream.FrameAsync());
        Assert.Equal($"data: 2\nid: {second}\n\n", await stream.FrameAsync());
        Assert.Equal($"data: 3\nid: {third}\n\n", await stream.FrameAsync());
    }

    [Fact]
    public async Task Stream_of_several_topics_gets_each_event_once()
    {
        using TopicClient stream = await OpenAsync($"topics?topic={_topic}/a&topic={_topic}/*&topic={Uri.EscapeDataString(_topic)}%2Fa");
        await stream.FrameAsync();
        await stream.FrameAsync();
        string first = await PublishAsync($"{_topic}/a", "1");
        await PublishAsync(_topic, "not covered");
        string second = await PublishAsync($"{_topic}/b", "2");
        Assert.Equal($"data: 1\nid: {first}\n\n", await stream.FrameAsync());
        Assert.Equal($"data: 2\nid: {second}\n\n", await stream.FrameAsync());
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("0123456789-0-0")]
    public async Task Position_that_nobody_knows_is_told_as_a_loss(string id)
    {
        using TopicClient stream = await OpenAsync($"topics/{_topic}", id);
        await stream.FrameAsync();
        Assert.Equal("event: reset\ndata: {\"reason\":\"unknown\"}\n\n", await stream.FrameAsync());
        Assert.Matches("^event: position\ndata: {}\nid: [A-Za-z0-9_.-]{1,64}\n\n$", await stream.FrameAsync());
        string next = await PublishAsync(_topic, "live");
        Assert.Equal($"data: live\nid: {next}\n\n", await stream.FrameAsync());
    }

    [Theory]
    [InlineData("topics")]
    [InlineData("topics/")]
    [InlineData("topics/a//b")]
    [InlineData("topics/a%20b")]
    [InlineData("topics/a%252Fb%25")]
    [InlineData("topics/%C3%A9")]
    [InlineData("topics?topic=a/../b")]
    [InlineData("topics?topic=")]
    public async Task Wrong_name_is_a_400_in_one_line_for_everyone(string path)
    {
        foreach (HttpMethod method in (HttpMethod[])[HttpMethod.Get, HttpMethod.Head])
        {
            using HttpResponseMessage response = await _client.SendAsync(new HttpRequestMessage(method, path), TestContext.Current.CancellationToken);
            Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
            Assert.Equal("*", Assert.Single(response.Headers.GetValues("Access-Control-Allow-Origin")));
            string line = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
            Assert.DoesNotContain('\n', line);
            Assert.Equal(method == HttpMethod.Get, line.Length > 0);
        }
    }

    [Fact]
    public async Task Encoded_slash_is_a_slash()
    {
        using TopicClient stream = await OpenAsync($"topics/{_topic}/x");
        await stream.FrameAsync();
        await stream.FrameAsync();
        using HttpResponseMessage response = await _client.PostAsync($"topics/{_topic}%2Fx", new StringContent("a"), TestContext.Current.CancellationToken);
        Assert.StartsWith("data: a\n", await stream.FrameAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("?type=position", HttpStatusCode.BadRequest)]
    [InlineData("?type=reset", HttpStatusCode.BadRequest)]
    [InlineData("?type=error", HttpStatusCode.BadRequest)]
    [InlineData("?type=a%0Ab", HttpStatusCode.BadRequest)]
    [InlineData("?type=message", HttpStatusCode.OK)]
    [InlineData("?type=", HttpStatusCode.OK)]
    [InlineData("", HttpStatusCode.OK)]
    public async Task Type_is_checked(string query, HttpStatusCode status)
    {
        using HttpResponseMessage response = await _client.PostAsync($"topics/{_topic}{query}", new StringContent("a"), TestContext.Current.CancellationToken);
        Assert.Equal(status, response.StatusCode);
        Assert.StartsWith("text/plain", response.Content.Headers.ContentType!.ToString(), StringComparison.Ordinal);
        string answer = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.DoesNotContain("Parameter", answer, StringComparison.Ordinal); // a word of .NET's, not of HTTP's
    }

    [Fact]
    public async Task Body_is_utf8_of_a_limited_size_whatever_its_type()
    {
        using var form = new ByteArrayContent("\ufeffä"u8.ToArray()) { Headers = { ContentType = new("application/x-www-form-urlencoded") } };
        using TopicClient stream = await OpenAsync($"topics/{_topic}");
        await stream.FrameAsync();
        await stream.FrameAsync();
        using HttpResponseMessage taken = await _client.PostAsync($"topics/{_topic}", form, TestContext.Current.CancellationToken);
        Assert.StartsWith("data: \ufeffä\n", await stream.FrameAsync(), StringComparison.Ordinal);

        using HttpResponseMessage invalid = await _client.PostAsync($"topics/{_topic}", new ByteArrayContent([0xff]), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.BadRequest, invalid.StatusCode);
        using HttpResponseMessage largest = await _client.PostAsync($"topics/{_topic}", new ByteArrayContent(Large(262_144)), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, largest.StatusCode);
        using HttpResponseMessage tooLarge = await _client.PostAsync($"topics/{_topic}", new ByteArrayContent(Large(262_145)), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, tooLarge.StatusCode);
        Assert.Equal(262_144, (await stream.FrameAsync()).Split("data: ")[1].Split('\n')[0].Length);

        static byte[] Large(int size) => Encoding.ASCII.GetBytes(new string('x', size));
    }

    [Fact]
    public async Task Preflight_needs_no_key_and_allows_publishing()
    {
        using HttpResponseMessage response = await _client.SendAsync(new HttpRequestMessage(HttpMethod.Options, $"topics/{_topic}"), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        Assert.Equal("GET, HEAD, POST, OPTIONS", string.Join(", ", response.Headers.GetValues("Access-Control-Allow-Methods")));
        Assert.StartsWith(
            "authorization, content-type, last-event-id, x-functions-key", string.Join(", ", response.Headers.GetValues("Access-Control-Allow-Headers")), StringComparison.Ordinal);
    }

    private async Task<TopicClient> OpenAsync(string path, string? lastEventId = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (lastEventId is not null)
        {
            request.Headers.Add("Last-Event-ID", lastEventId);
        }

        HttpResponseMessage response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return new TopicClient(response, await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
    }

    private async Task<string> PublishAsync(string topic, string data, string query = "")
    {
        using HttpResponseMessage response = await _client.PostAsync($"topics/{topic}{query}", new StringContent(data), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
    }
}
