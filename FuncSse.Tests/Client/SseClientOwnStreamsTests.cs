using System.Diagnostics.Metrics;
using System.Net.Http.Headers;
using System.Net.ServerSentEvents;
using FuncSse.Client;
using FuncSse.Tests.Topics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;

namespace FuncSse.Tests.Client;

/// <summary>The client with the topics of this repository: nothing is lost, and nothing comes twice.</summary>
public sealed class SseClientOwnStreamsTests
{
    private const int Events = 300;

    private static readonly (string, string)[] s_fast = [("Sse:Retry", "00:00:00.005"), ("Sse:MaxDuration", "00:00:00.300")];
    private static readonly SseClientOptions s_quick = new() { Retry = TimeSpan.FromMilliseconds(5), MaxBackoff = TimeSpan.FromMilliseconds(50) };

    [Fact]
    public async Task Renewed_streams_that_are_cut_at_any_byte_cost_no_event()
    {
        int seed = Random.Shared.Next();
        await using TopicServer server = await TopicServer.StartAsync(s_fast);
        var cutter = new Cutter(new Random(seed));
        using var http = new HttpClient(cutter);
        Task<string[]> reading = ReadAsync(new SseClient(http, s_quick), server.Client.BaseAddress!, TestContext.Current.CancellationToken);
        await Eventually.TrueAsync(() => cutter.Connections > 0);
        for (int number = 1; number <= Events; number++)
        {
            await server.PublishAsync("news", $"{number}");
            await Task.Delay(number % 3, TestContext.Current.CancellationToken);
        }

        string[] read = await reading;
        Assert.True(Enumerable.Range(1, Events).Select(number => $"{number}").SequenceEqual(read), $"seed {seed}: {string.Join(' ', read)}");
        Assert.True(cutter.Connections > 5, $"seed {seed}: {cutter.Connections} connections");
    }

    [Fact]
    public async Task Ticket_that_ends_is_replaced_and_costs_no_event()
    {
        await using TopicServer server = await TopicServer.StartAsync(TopicServer.WithKey(("Sse:Retry", "00:00:00.005")));
        string ticket = server.Tickets.Create(["news"], TimeSpan.FromSeconds(2));
        var renewed = new List<bool>();
        var options = new SseClientOptions
        {
            Retry = s_quick.Retry,
            PassedOver = [.. s_quick.PassedOver, "expired"],
            PrepareRequest = (request, isUnauthorized, _) =>
            {
                renewed.Add(isUnauthorized);
                ticket = isUnauthorized ? server.Tickets.Create(["news"], TimeSpan.FromSeconds(2)) : ticket;
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", ticket);
                return ValueTask.CompletedTask;
            },
        };
        using var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false });
        Task<string[]> reading = ReadAsync(new SseClient(http, options), server.Client.BaseAddress!, TestContext.Current.CancellationToken);
        await Eventually.TrueAsync(() => renewed.Count > 0);
        for (int number = 1; number <= Events; number++)
        {
            await server.PublishAsync("news", $"{number}");
            await Task.Delay(5, TestContext.Current.CancellationToken);
        }

        Assert.Equal(Enumerable.Range(1, Events).Select(number => $"{number}"), await reading);
        Assert.Contains(true, renewed);
    }

    [Fact]
    public async Task Position_that_the_log_does_not_know_is_told_as_a_reset()
    {
        await using TopicServer server = await TopicServer.StartAsync([]);
        using var http = new HttpClient();
        var client = new SseClient(http);
        await using IAsyncEnumerator<SseItem<string>> items =
            client.ReadAsync(new Uri(server.Client.BaseAddress!, "topics/news"), "another-1-2", TestContext.Current.CancellationToken).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        Assert.True(await items.MoveNextAsync().AsTask().WaitAsync(TopicServer.Limit, TestContext.Current.CancellationToken));
        Assert.Equal(("reset", """{"reason":"unknown"}"""), (items.Current.EventType, items.Current.Data));
    }

    [Fact]
    public async Task Meter_counts_streams_events_and_reconnects()
    {
        await using TopicServer server = await TopicServer.StartAsync(s_fast);
        var services = new ServiceCollection();
        services.AddMetrics().AddSseClient(options => options.Retry = s_quick.Retry);
        await using ServiceProvider provider = services.BuildServiceProvider();
        IMeterFactory meters = provider.GetRequiredService<IMeterFactory>();
        using var active = new MetricCollector<long>(meters, SseClientMeter.Name, "funcsse.client.active_streams");
        using var received = new MetricCollector<long>(meters, SseClientMeter.Name, "funcsse.client.received_events");
        using var reconnects = new MetricCollector<long>(meters, SseClientMeter.Name, "funcsse.client.reconnects");
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        Task<string[]> reading = ReadAsync(provider.GetRequiredService<SseClient>(), server.Client.BaseAddress!, cancel.Token);
        await Eventually.TrueAsync(() => reconnects.GetMeasurementSnapshot().Count > 0);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
        Assert.All(reconnects.GetMeasurementSnapshot(), measurement => Assert.Equal("ended", measurement.Tags["funcsse.client.reconnect_reason"]));
        Assert.Equal(0, active.GetMeasurementSnapshot().Sum(measurement => measurement.Value));
        Assert.True(received.GetMeasurementSnapshot().Sum(measurement => measurement.Value) >= 1); // Positions count.
    }

    private static async Task<string[]> ReadAsync(SseClient client, Uri server, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(TopicServer.Limit);
        var read = new List<string>();
        await foreach (SseItem<string> item in client.ReadAsync(new Uri(server, "topics/news"), "earliest", limit.Token))
        {
            read.Add(item.Data);
            if (item.Data == $"{Events}")
            {
                break;
            }
        }

        return [.. read];
    }

    /// <summary>Breaks each response after some bytes.</summary>
    private sealed class Cutter(Random random) : DelegatingHandler(new SocketsHttpHandler { AllowAutoRedirect = false })
    {
        public int Connections { get; private set; }

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            HttpResponseMessage response = await base.SendAsync(request, cancellationToken);
            Connections++;
            var content = new StreamContent(new CutStream(await response.Content.ReadAsStreamAsync(cancellationToken), random.Next(1, 2000)));
            content.Headers.ContentType = response.Content.Headers.ContentType;
            response.Content = content;
            return response;
        }
    }

    private sealed class CutStream(Stream inner, int bytes) : MemoryStream
    {
        private int _left = bytes;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (_left == 0)
            {
                throw new IOException("cut");
            }

            int count = await inner.ReadAsync(buffer[..Math.Min(buffer.Length, _left)], cancellationToken);
            _left -= count;
            return count;
        }

        protected override void Dispose(bool disposing)
        {
            inner.Dispose();
            base.Dispose(disposing);
        }
    }
}
