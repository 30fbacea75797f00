using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.ServerSentEvents;
using System.Text;
using System.Text.RegularExpressions;
using FuncSse.Client;

namespace FuncSse.Tests;

/// <summary>What a platform does to a process, done to a real one under open clients.</summary>
public sealed class ProcessTests : IDisposable
{
    private static readonly (string, string)[] s_fast = [("Sse__Interval", "00:00:00.05"), ("Sse__Retry", "00:00:00.1")];

    private readonly HttpClient _client = new(new SocketsHttpHandler { MaxConnectionsPerServer = int.MaxValue }) { Timeout = Timeout.InfiniteTimeSpan };

    public void Dispose() => _client.Dispose();

    [Fact]
    public async Task First_line_says_where_to_look()
    {
        await using SelfHost host = await SelfHost.StartAsync();
        Assert.StartsWith($"Look at {host.Address.GetLeftPart(UriPartial.Authority)}", host.Output.First(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ASPNETCORE_URLS", "http://127.0.0.1:{0}")]
    [InlineData("ASPNETCORE_HTTP_PORTS", "{0}")]
    public async Task Port_is_the_one_that_the_usual_variables_name(string name, string value)
    {
        int port = FreePort.Find();
        await using SelfHost host = await SelfHost.StartAtAsync((name, string.Format(CultureInfo.InvariantCulture, value, port)));
        Assert.Contains($":{port} ", host.Output.First(), StringComparison.Ordinal);
        using HttpResponseMessage response = await _client.SendAsync(
            new HttpRequestMessage(HttpMethod.Head, $"http://127.0.0.1:{port}/events"), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Fact]
    public async Task Bad_option_stops_the_start_with_one_clear_line()
    {
        (int exitCode, string output, string error) = await SelfHost.RunAsync(("Sse__Interval", "soon"));
        Assert.Equal(1, exitCode);
        Assert.Empty(output);
        Assert.Equal(
            "Sse:Interval is 'soon'; it must be a time from 0:00:00.001 to 1:0:00:00 as [days.]hours:minutes:seconds, such as 00:00:10",
            Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries)));
    }

    [Fact]
    public async Task Client_that_leaves_ends_its_stream_within_a_second()
    {
        await using SelfHost host = await SelfHost.StartAsync(("Logging__LogLevel__FuncSse", "Debug"));
        using RawClient client = await RawClient.GetAsync(host.Address);
        await client.ReadUntilAsync("data: 1\n");
        long left = Stopwatch.GetTimestamp();
        client.Vanish();
        await Eventually.TrueAsync(() => host.Output.Any(line => line.EndsWith("1 events: client_left.", StringComparison.Ordinal)));
        Assert.InRange(Stopwatch.GetElapsedTime(left), TimeSpan.Zero, TimeSpan.FromSeconds(1));
    }

    [Fact]
    public async Task Sigterm_ends_two_thousand_streams_cleanly_within_five_seconds()
    {
        const int Streams = 2_000;
        await using SelfHost host = await SelfHost.StartAsync(("Sse__Interval", "00:00:01"));
        using var open = new CountdownEvent(Streams);
        var bodies = new ConcurrentBag<string>();
        Task[] clients = [.. Enumerable.Range(0, Streams).Select(_ => ReadToEndAsync())];
        await Eventually.TrueAsync(() => open.IsSet);

        long stop = Stopwatch.GetTimestamp();
        Assert.Equal(0, await host.StopAsync());
        Assert.InRange(Stopwatch.GetElapsedTime(stop), TimeSpan.Zero, TimeSpan.FromSeconds(5));
        await Task.WhenAll(clients).WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        Assert.Equal(Streams, bodies.Count);
        Assert.All(bodies, body => Assert.Matches(@"^retry: 1000\n\n(data: \d+\nid: \d+\n\n)*retry: [1-5]\d{3}\n\n$", body));
        Assert.InRange(bodies.Select(body => Regex.Match(body, @"retry: (\d+)\n\n$").Groups[1].Value).Distinct().Count(), Streams / 4, Streams);
        Assert.DoesNotContain(host.Output, line => Regex.IsMatch(line, "^(warn|fail|crit)"));

        async Task ReadToEndAsync()
        {
            using HttpResponseMessage response = await _client.GetAsync(host.Events, HttpCompletionOption.ResponseHeadersRead);
            open.Signal();
            bodies.Add(await response.Content.ReadAsStringAsync()); // Throws unless the body ends as it should.
        }
    }

    [Fact]
    public async Task Sigterm_does_not_wait_for_a_client_that_never_sends_its_body()
    {
        await using SelfHost host = await SelfHost.StartAsync(s_fast);
        byte[] request = Encoding.Latin1.GetBytes($"GET /events HTTP/1.1\r\nHost: {host.Address.Authority}\r\nContent-Length: 5\r\n\r\n");
        using RawClient client = await RawClient.SendAsync(host.Address, request);
        await client.ReadUntilAsync("data: 1\n");
        long stop = Stopwatch.GetTimestamp();
        Assert.Equal(0, await host.StopAsync());

        // The shutdown gives up after 4.5 s; Kestrel alone would wait for 30 s.
        Assert.InRange(Stopwatch.GetElapsedTime(stop), TimeSpan.Zero, TimeSpan.FromSeconds(15));
    }

    [Theory]
    [InlineData("terminated")]
    [InlineData("killed")]
    public async Task Process_that_is_gone_for_a_while_costs_its_clients_no_event(string how)
    {
        await using SelfHost host = await SelfHost.StartAsync(s_fast);
        Follower[] clients = await FollowAsync(host.Events, async following =>
        {
            for (int round = 1; round <= 3; round++)
            {
                await Eventually.TrueAsync(() => following.All(client => client.Connections >= round && client.Ids.Count >= 10 * round));
                await (how == "killed" ? host.KillAsync() : host.StopAsync());
                await host.StartAgainAsync();
            }

            await Eventually.TrueAsync(() => following.All(client => client.Ids.Count >= 60));
        });
        Assert.All(clients, client => Assert.InRange(client.Connections, 4, 100));
    }

    [Fact]
    public async Task Renewed_streams_cost_their_clients_no_event()
    {
        await using SelfHost host = await SelfHost.StartAsync([.. s_fast, ("Sse__MaxDuration", "00:00:01")]);
        Follower[] clients = await FollowAsync(
            host.Events, following => Eventually.TrueAsync(() => following.All(client => client.Connections >= 5)));
        Assert.All(clients, client => Assert.Equal(TimeSpan.FromMilliseconds(100), client.Retry));
    }

    // Lets clients follow the counter meanwhile; each must see every count once and in order.
    private async Task<Follower[]> FollowAsync(Uri events, Func<Follower[], Task> meanwhile)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        Follower[] clients = [.. Enumerable.Range(0, 20).Select(_ => new Follower())];
        Task[] runs = [.. clients.Select(client => client.RunAsync(_client, events, end.Token))];
        await meanwhile(clients);
        await end.CancelAsync();
        await Task.WhenAll(runs);
        Assert.All(clients, client => Assert.Equal(Enumerable.Range(1, client.Ids.Count).Select(id => $"{id}"), client.Ids));
        return clients;
    }

    private sealed class Follower
    {
        public ConcurrentQueue<string> Ids { get; } = new();

        /// <summary>How often it has tried to connect.</summary>
        public int Connections { get; private set; }

        /// <summary>The last retry that the server named.</summary>
        public TimeSpan? Retry { get; private set; }

        public async Task RunAsync(HttpClient http, Uri events, CancellationToken cancellationToken)
        {
            var client = new SseClient(http, new SseClientOptions { MaxBackoff = TimeSpan.FromMilliseconds(500), PrepareRequest = CountAsync });
            await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
            {
                await foreach (SseItem<string> item in client.ReadAsync(events, cancellationToken: cancellationToken))
                {
                    Retry = item.ReconnectionInterval ?? Retry;
                    Ids.Enqueue(item.EventId!);
                }
            });
        }

        private ValueTask CountAsync(HttpRequestMessage request, bool isUnauthorized, CancellationToken cancellationToken)
        {
            Connections++;
            return ValueTask.CompletedTask;
        }
    }
}
