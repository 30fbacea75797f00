using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Net;
using System.Text;

namespace FuncSse.Tests.Topics;

/// <summary>Keys and tickets are in nothing that is written: logs, metrics, traces and the texts of errors.</summary>
public sealed class SecretsTests
{
    private const string PublishKey = "publish-key-that-is-secret";

    private static readonly string s_ticket = Jwt.Make(Claims("a"));
    private static readonly string s_other = Jwt.Make(Claims("b"));
    private static readonly string s_forged = Jwt.Make(Claims("a"), key: new string('x', 32));

    // A ticket cut in two is as good as whole to who finds both; the signature is what others lack.
    private static readonly string[] s_secrets =
        [TopicServer.Key, PublishKey, .. ((string[])[s_ticket, s_other, s_forged]).Select(ticket => ticket.Split('.')[2])];

    [Fact]
    public async Task Self_host_writes_none_at_debug_level()
    {
        await using SelfHost host = await SelfHost.StartAsync(
            ("Logging__LogLevel__Default", "Debug"),
            ("Logging__LogLevel__Microsoft", "Debug"),
            ("Topics__SigningKey", TopicServer.Key),
            ("Topics__PublishKey", PublishKey));
        using var client = new HttpClient { BaseAddress = host.Address, Timeout = TopicServer.Limit };
        string answers = await UseAsync(client);
        await SendBrokenAsync(host.Address);
        await Eventually.TrueAsync(() => host.Output.Any(line => line.Contains("Stream ", StringComparison.Ordinal) && line.Contains(" ended after ", StringComparison.Ordinal)));
        await Eventually.TrueAsync(() => host.Output.Any(line => line.Contains("Microsoft.AspNetCore.Routing", StringComparison.Ordinal)));
        await host.KillAsync();
        AssertClean(string.Join('\n', host.Output), answers);
    }

    [Fact]
    public async Task Metrics_and_traces_have_none()
    {
        var seen = new ConcurrentQueue<string>();
        using var activities = new ActivityListener
        {
            ShouldListenTo = _ => true,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activity => seen.Enqueue($"{activity.OperationName} {activity.DisplayName} {string.Join(' ', activity.TagObjects)} {string.Join(' ', activity.Baggage)}"),
        };
        ActivitySource.AddActivityListener(activities);
        using var meters = new MeterListener { InstrumentPublished = (instrument, listener) => listener.EnableMeasurementEvents(instrument) };
        meters.SetMeasurementEventCallback<long>((instrument, _, tags, _) => seen.Enqueue($"{instrument.Name} {string.Join(' ', tags.ToArray())}"));
        meters.SetMeasurementEventCallback<double>((instrument, _, tags, _) => seen.Enqueue($"{instrument.Name} {string.Join(' ', tags.ToArray())}"));
        meters.Start();
        await using TopicServer server = await TopicServer.StartAsync(TopicServer.WithKey(("Topics:PublishKey", PublishKey)));
        string answers = await UseAsync(server.Client);
        await Eventually.TrueAsync(() => seen.Any(line => line.StartsWith("funcsse.stream.duration", StringComparison.Ordinal)));
        await Eventually.TrueAsync(() => seen.Any(line => line.StartsWith("Microsoft.AspNetCore.Hosting.HttpRequestIn", StringComparison.Ordinal)));
        AssertClean(string.Join('\n', seen), answers);
    }

    [Theory]
    [InlineData("Topics__SigningKey", "short-secret")]
    [InlineData("Topics__SigningKey__1", "short-secret")]
    public async Task Key_that_stops_the_app_is_not_said(string name, string key)
    {
        (int exitCode, string output, string error) = await SelfHost.RunAsync((name, key));
        Assert.Equal(1, exitCode);
        Assert.Contains("Topics:SigningKey has a value that is not allowed", error, StringComparison.Ordinal);
        Assert.DoesNotContain(key, output + error, StringComparison.Ordinal);
    }

    private static string Claims(string topic) =>
        $$"""{"topics":["{{topic}}"],"exp":{{DateTimeOffset.UtcNow.AddHours(1).ToUnixTimeSeconds()}},"aud":"funcsse-topics"}""";

    // In all ways in which they can be sent, with every answer.
    private static async Task<string> UseAsync(HttpClient client)
    {
        var answers = new StringBuilder();
        foreach (string ticket in (string[])[s_ticket, s_other, s_forged])
        {
            await SendAsync(HttpMethod.Get, $"topics/a?access_token={ticket}");
            await SendAsync(HttpMethod.Get, $"topics/a?access_token={ticket}&access_token={ticket}");
            await SendAsync(HttpMethod.Get, $"topics/a//b?access_token={ticket}");
            Assert.Equal(
                ticket == s_ticket ? HttpStatusCode.OK : ticket == s_other ? HttpStatusCode.Forbidden : HttpStatusCode.Unauthorized,
                await SendAsync(HttpMethod.Get, "topics/a", ("Authorization", $"Bearer {ticket}")));
            await SendAsync(HttpMethod.Get, "topics/a", ("Cookie", $"funcsse_ticket={ticket}"));
            await SendAsync(HttpMethod.Head, $"topics/a?access_token={ticket}");
            await SendAsync(HttpMethod.Options, $"topics/a?access_token={ticket}");
            await SendAsync(HttpMethod.Get, $"nothing?access_token={ticket}");
        }

        await SendAsync(HttpMethod.Post, $"topics/a?code={PublishKey}");
        await SendAsync(HttpMethod.Post, $"topics/a?code={PublishKey}&type=position");
        await SendAsync(HttpMethod.Post, $"topics/a//b?code={PublishKey}");
        await SendAsync(HttpMethod.Post, "topics/a", ("x-functions-key", PublishKey));
        await SendAsync(HttpMethod.Post, "topics/a", ("x-functions-key", PublishKey + "1"));
        await SendAsync(HttpMethod.Put, $"topics/a?code={PublishKey}");
        return answers.ToString();

        async Task<HttpStatusCode> SendAsync(HttpMethod method, string path, params (string Name, string Value)[] headers)
        {
            using var request = new HttpRequestMessage(method, path) { Content = method == HttpMethod.Get || method == HttpMethod.Head ? null : new StringContent("x") };
            foreach ((string name, string value) in headers)
            {
                request.Headers.Add(name, value);
            }

            using HttpResponseMessage response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
            Assert.True((int)response.StatusCode < 500);
            answers.AppendLine(response.Headers.ToString());
            if (response.StatusCode != HttpStatusCode.OK)
            {
                answers.AppendLine(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
            }

            return response.StatusCode;
        }
    }

    // What the server itself refuses, and would quote as far as some 100 characters.
    private static async Task SendBrokenAsync(Uri server)
    {
        string secret = s_ticket.Split('.')[2];
        foreach (string request in (string[])
        [
            $"GET /topics/a?access_token={secret} HTTP/9.9\r\n\r\n",
            $"GET /topics/a?access_token={secret}\0 HTTP/1.1\r\nHost: a\r\n\r\n",
            $"GET /topics/%00?access_token={secret} HTTP/1.1\r\nHost: a\r\n\r\n",
            $"GET /topics/a HTTP/1.1\r\nHost: a\r\nAuthorization Bearer {secret}\r\n\r\n",
            $"GET /topics/a HTTP/1.1\r\nHost: a\r\n Cookie: funcsse_ticket={secret}\r\n\r\n",
            $"GET /topics/a HTTP/1.1\r\nHost: {secret}?\r\n\r\n",
        ])
        {
            using RawClient client = await RawClient.SendAsync(server, Encoding.Latin1.GetBytes(request));
            Assert.StartsWith("HTTP/1.1 ", await client.ReadUntilAsync("\r\n\r\n").WaitAsync(TopicServer.Limit, TestContext.Current.CancellationToken), StringComparison.Ordinal);
        }
    }

    private static void AssertClean(params string[] texts) =>
        Assert.All(s_secrets, secret => Assert.All(texts, text => Assert.DoesNotContain(secret, text, StringComparison.Ordinal)));
}
