using System.Net;
using System.Net.ServerSentEvents;
using System.Text;
using FuncSse.Client;
using Microsoft.Extensions.Logging;

namespace FuncSse.Tests.Client;

/// <summary>
/// A server in memory, whose answers are given in advance, and a client with a clock that is moved whenever the client waits. All happens on
/// the test's own thread, so nothing is measured by a real clock.
/// </summary>
internal sealed class ScriptedServer : HttpMessageHandler
{
    private readonly Queue<Func<HttpRequestMessage, HttpResponseMessage>> _answers = new();

    public ManualTimeProvider Time { get; } = new();

    /// <summary>Each request: when it came, its Last-Event-ID and its Authorization.</summary>
    public List<(TimeSpan At, string? LastEventId, string? Authorization)> Requests { get; } = [];

    /// <summary>How long the client waited before each request but the first.</summary>
    public TimeSpan[] Waits => [.. Requests.Zip(Requests.Skip(1), (one, next) => next.At - one.At)];

    public static Uri Address { get; } = new("https://example.com/stream?token=secret");

    public SseClient Client(SseClientOptions? options = null, ILogger<SseClient>? logger = null) => new(new HttpClient(this), options, logger, time: Time);

    /// <summary>Answers with a stream that ends as it should.</summary>
    public ScriptedServer Stream(string text) => Answer(200, text, "text/event-stream");

    /// <summary>Answers with a stream that breaks after these bytes.</summary>
    public ScriptedServer Broken(string text) => Body(new BodyStream(Encoding.UTF8.GetBytes(text), () => throw new IOException("reset")));

    /// <summary>Answers with a stream that stays silent after these bytes.</summary>
    public ScriptedServer Silent(string text) => Body(new BodyStream(Encoding.UTF8.GetBytes(text), null));

    public ScriptedServer Body(Stream body)
    {
        _answers.Enqueue(_ => Response(200, new StreamContent(body), "text/event-stream"));
        return this;
    }

    public ScriptedServer Answer(int status, string body = "", string? type = null, params (string Name, string Value)[] headers)
    {
        _answers.Enqueue(_ =>
        {
            HttpResponseMessage response = Response(status, new ByteArrayContent(Encoding.UTF8.GetBytes(body)), type);
            foreach ((string name, string value) in headers)
            {
                Assert.True(response.Headers.TryAddWithoutValidation(name, value) || response.Content.Headers.TryAddWithoutValidation(name, value));
            }

            return response;
        });
        return this;
    }

    public ScriptedServer Fail(Exception exception)
    {
        _answers.Enqueue(_ => throw exception);
        return this;
    }

    /// <summary>Reads until the stream is over (204), which is what the server answers when the script has ended.</summary>
    public async Task<string[]> ReadAsync(SseClient? client = null, string? lastEventId = null)
    {
        var events = new List<string>();
        await using IAsyncEnumerator<SseItem<string>> items = (client ?? Client())
            .ReadAsync(Address, lastEventId, TestContext.Current.CancellationToken).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        while (await NextAsync(items))
        {
            events.Add(items.Current.Data);
        }

        return [.. events];
    }

    /// <summary>Moves the clock to what the client waits for, until there is an event or the end.</summary>
    public async Task<bool> NextAsync<T>(IAsyncEnumerator<SseItem<T>> items)
    {
        Task<bool> next = items.MoveNextAsync().AsTask();
        for (int steps = 0; !next.IsCompleted; steps++)
        {
            Assert.True(steps < 10_000, "The client does not come to an end.");
            await Eventually.TrueAsync(() => next.IsCompleted || Time.NextDue is not null); // A cancelled read ends on another thread.
            Time.Advance((Time.NextDue ?? Time.Now) - Time.Now);
        }

        return await next;
    }

    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        Requests.Add((Time.Now, request.Headers.TryGetValues("Last-Event-ID", out IEnumerable<string>? ids) ? ids.Single() : null, request.Headers.Authorization?.ToString()));
        Assert.Equal("text/event-stream", request.Headers.Accept.ToString());
        return _answers.TryDequeue(out Func<HttpRequestMessage, HttpResponseMessage>? answer)
            ? Task.FromResult(answer(request))
            : Task.FromResult(new HttpResponseMessage(HttpStatusCode.NoContent));
    }

    private static HttpResponseMessage Response(int status, HttpContent content, string? type)
    {
        content.Headers.TryAddWithoutValidation("Content-Type", type);
        return new HttpResponseMessage((HttpStatusCode)status) { Content = content };
    }
}
