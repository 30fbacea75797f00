using System.Net;
using FuncSse.Topics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace FuncSse.Tests.Topics;

/// <summary>The end of the topics when the host stops.</summary>
public sealed class TopicHostedServiceTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    // Services stop in the reverse order. On Azure Functions, the worker that runs the functions is registered before AddTopics.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Service_publishes_until_its_own_end_wherever_it_is_registered(bool isBeforeTopics)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Logging.ClearProviders();
        if (isBeforeTopics)
        {
            builder.Services.AddHostedService<PublishesAtTheEnd>();
        }

        builder.Services.AddTopics();
        if (!isBeforeTopics)
        {
            builder.Services.AddHostedService<PublishesAtTheEnd>();
        }

        using IHost host = builder.Build();
        await host.StartAsync(TestContext.Current.CancellationToken).WaitAsync(s_limit, TestContext.Current.CancellationToken);
        PublishesAtTheEnd service = host.Services.GetServices<IHostedService>().OfType<PublishesAtTheEnd>().Single();
        await host.StopAsync(TestContext.Current.CancellationToken).WaitAsync(s_limit, TestContext.Current.CancellationToken);
        Assert.True(LogPosition.TryParse(service.Id, out _), "The event is in the log.");
        ITopicPublisher publisher = host.Services.GetRequiredService<ITopicPublisher>();
        await Assert.ThrowsAsync<EventLogUnavailableException>(
            () => publisher.PublishAsync("jobs", "too late", cancellationToken: TestContext.Current.CancellationToken).WaitAsync(s_limit, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Publisher_over_http_gets_an_answer_although_the_log_takes_no_events_when_the_host_stops()
    {
        var log = new FaultyLog(new MemoryEventLog(new TopicOptions(), TimeProvider.System))
        {
            OnAppend = (_, _) => throw new EventLogUnavailableException("no"),
        };
        await using TopicServer server = await TopicServer.StartAsync(
            [("Topics:PublishKey", "0123456789abcdef")], add: services => services.AddSingleton<IEventLog>(log));
        using var content = new StringContent("hello");
        Task<HttpResponseMessage> publish = server.Client.PostAsync("topics/a?code=0123456789abcdef", content, TestContext.Current.CancellationToken);
        await Eventually.TrueAsync(() => log.Appends > 0);
        await server.StopAsync();
        using HttpResponseMessage response = await publish.WaitAsync(s_limit, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
    }

    private sealed class PublishesAtTheEnd(ITopicPublisher publisher) : IHostedService
    {
        public string? Id { get; private set; }

        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public async Task StopAsync(CancellationToken cancellationToken) =>
            Id = await publisher.PublishAsync("jobs", "done", cancellationToken: cancellationToken).WaitAsync(s_limit, cancellationToken);
    }
}
