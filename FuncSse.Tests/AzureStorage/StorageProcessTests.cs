using System.Collections.Concurrent;
using System.Net;
using System.Net.ServerSentEvents;
using Azure.Storage.Blobs;
using FuncSse.Client;

namespace FuncSse.Tests.Topics;

/// <summary>Several instances of the self-host on one storage, and what may happen to them.</summary>
public sealed class StorageProcessTests : IAsyncLifetime
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    private readonly AzuriteServer _storage = new();
    private readonly string _name = $"t{Guid.NewGuid():N}";
    private readonly HttpClient _client = new(new SocketsHttpHandler { MaxConnectionsPerServer = int.MaxValue }) { Timeout = s_limit };
    private readonly List<SelfHost> _hosts = [];
    private readonly CancellationTokenSource _end = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);

    public ValueTask InitializeAsync() => new(_storage.StartAsync());

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _end.Dispose();
        foreach (SelfHost host in _hosts)
        {
            await host.DisposeAsync();
        }

        _client.Dispose();
        await _storage.DisposeAsync();
    }

    [Fact]
    public async Task Subscribers_that_move_between_three_instances_see_one_order_and_each_event_once_although_one_is_killed()
    {
        const int Publishers = 6;
        const int Events = 25;
        for (int i = 0; i < 3; i++)
        {
            await StartAsync();
        }

        var acknowledged = new ConcurrentDictionary<string, string>();
        Subscriber[] subscribers = [.. Enumerable.Range(0, 6).Select(seed => new Subscriber(_client, "t", new Random(seed)))];
        Task[] reads = [.. subscribers.Select(subscriber => subscriber.RunAsync(_hosts, _end.Token))];
        await Eventually.TrueAsync(() => subscribers.All(subscriber => subscriber.Position is not null));
        Task[] publishes = [.. Enumerable.Range(0, Publishers).Select(PublishAsync)];
        await Eventually.TrueAsync(() => acknowledged.Count > Publishers * Events / 3);
        await _hosts[2].KillAsync();
        await _hosts[2].StartAgainAsync();
        await Task.WhenAll(publishes).WaitAsync(s_limit, TestContext.Current.CancellationToken);

        await Eventually.TrueAsync(() => subscribers.All(subscriber => acknowledged.Keys.All(subscriber.Seen.ContainsKey)), "All get what was acknowledged.");
        await _end.CancelAsync();
        await Task.WhenAll(reads).WaitAsync(s_limit, TestContext.Current.CancellationToken);
        // What was not acknowledged may have been published all the same; in one order for everyone, and once.
        string[] order = [.. subscribers[0].Events];
        Assert.Equal(order.Length, order.Distinct().Count());
        Assert.All(subscribers, subscriber => Assert.Equal(order, subscriber.Events));
        Assert.All(subscribers, subscriber => Assert.Equal(0, subscriber.Resets));
        Assert.All(subscribers, subscriber => Assert.InRange(subscriber.Connections, 2, int.MaxValue));

        async Task PublishAsync(int publisher)
        {
            for (int n = 0; n < Events; n++)
            {
                try
                {
                    string data = $"{publisher}-{n}";
                    acknowledged[data] = await this.PublishAsync(_hosts[(publisher + n) % 3], "t", data);
                }
                catch (HttpRequestException)
                {
                    // The instance was killed: nothing was acknowledged.
                }
            }
        }
    }

    [Fact]
    public async Task Storage_that_is_away_costs_publishers_a_503_and_streams_nothing()
    {
        await StartAsync();
        await StartAsync();
        var subscriber = new Subscriber(_client, "t", random: null);
        Task read = subscriber.RunAsync([_hosts[0]], _end.Token);
        await Eventually.TrueAsync(() => subscriber.Position is not null);
        await PublishAsync(_hosts[1], "t", "before");
        await _storage.StopAsync();
        using (HttpResponseMessage refused = await SendAsync(_hosts[1], "t", "lost"))
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
            Assert.NotNull(refused.Headers.RetryAfter);
        }

        var late = new Subscriber(_client, "t", random: null);
        Task lateRead = late.RunAsync([_hosts[0]], _end.Token);
        await Eventually.TrueAsync(() => late.Connections == 1);
        await Task.Delay(TimeSpan.FromSeconds(1), TestContext.Current.CancellationToken); // The time in which no position may come.
        Assert.Null(late.Position);
        await _storage.StartAsync();
        await Eventually.TrueAsync(() => late.Position is not null);
        await PublishAsync(_hosts[1], "t", "after");
        await Eventually.TrueAsync(() => subscriber.Events.Contains("after") && late.Events.Contains("after"));
        Assert.Equal(["before", "after"], subscriber.Events.Where(data => data != "lost"));
        Assert.Equal(1, subscriber.Connections);
        Assert.Equal(1, late.Connections);
        await _end.CancelAsync();
        await Task.WhenAll(read, lateRead).WaitAsync(s_limit, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Container_that_is_deleted_is_a_loss_that_is_told_and_then_live_again()
    {
        await StartAsync();
        var subscriber = new Subscriber(_client, "t", random: null);
        Task read = subscriber.RunAsync([_hosts[0]], _end.Token);
        await Eventually.TrueAsync(() => subscriber.Position is not null);
        await PublishAsync(_hosts[0], "t", "1");
        await Eventually.TrueAsync(() => subscriber.Events.Contains("1"));
        await new BlobContainerClient(_storage.ConnectionString, _name, new BlobClientOptions(BlobClientOptions.ServiceVersion.V2024_11_04))
            .DeleteAsync(cancellationToken: TestContext.Current.CancellationToken);
        await Eventually.TrueAsync(() => subscriber.Resets == 1);
        await PublishAsync(_hosts[0], "t", "2");
        await Eventually.TrueAsync(() => subscriber.Events.Contains("2"));
        Assert.Equal(2, subscriber.Connections); // The stream ended, and the subscriber came back to be told.
        await _end.CancelAsync();
        await read.WaitAsync(s_limit, TestContext.Current.CancellationToken);
    }

    private async Task StartAsync() => _hosts.Add(await SelfHost.StartAsync(
        ("Topics__Log", "storage"), ("Topics__Name", _name), ("AzureWebJobsStorage", _storage.ConnectionString), ("Sse__Retry", "00:00:00.1")));

    private Task<HttpResponseMessage> SendAsync(SelfHost host, string topic, string data) =>
        _client.PostAsync(new Uri(host.Address, $"topics/{topic}"), new StringContent(data), TestContext.Current.CancellationToken);

    private async Task<string> PublishAsync(SelfHost host, string topic, string data)
    {
        using HttpResponseMessage response = await SendAsync(host, topic, data);
        response.EnsureSuccessStatusCode();
        return await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>Follows a topic as a page does, and moves to another instance now and then where it is given a random source.</summary>
    private sealed class Subscriber(HttpClient http, string topic, Random? random)
    {
        public ConcurrentQueue<string> Events { get; } = new();

        public ConcurrentDictionary<string, bool> Seen { get; } = new();

        public string? Position { get; private set; }

        public int Connections { get; private set; }

        public int Resets { get; private set; }

        public async Task RunAsync(List<SelfHost> hosts, CancellationToken cancelled)
        {
            var client = new SseClient(http, new SseClientOptions { PassedOver = [], MaxBackoff = TimeSpan.FromMilliseconds(500), PrepareRequest = CountAsync });
            for (int turn = random?.Next(3) ?? 0; !cancelled.IsCancellationRequested; turn++)
            {
                using var cut = CancellationTokenSource.CreateLinkedTokenSource(cancelled);
                cut.CancelAfter(random is null ? Timeout.InfiniteTimeSpan : TimeSpan.FromMilliseconds(random.Next(200, 1500)));
                await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
                {
                    await foreach (SseItem<string> item in client.ReadAsync(new Uri(hosts[turn % hosts.Count].Address, $"topics/{topic}"), Position, cut.Token))
                    {
                        Resets += item.EventType == "reset" ? 1 : 0;
                        if (item.EventType == "message")
                        {
                            Events.Enqueue(item.Data);
                            Seen[item.Data] = true;
                        }

                        Position = item.EventId;
                    }
                });
            }
        }

        private ValueTask CountAsync(HttpRequestMessage request, bool isUnauthorized, CancellationToken cancellationToken)
        {
            Connections++;
            return ValueTask.CompletedTask;
        }
    }
}
