using System.Net;
using FuncSse.Topics;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace FuncSse.Tests.Topics;

/// <summary>A right that is taken back, on two instances that share a log.</summary>
[Trait("Category", "Fast")]
public sealed class RevocationTests : IAsyncDisposable
{
    private readonly MemoryEventLog _memory = new(new TopicOptions(), TimeProvider.System);
    private readonly FaultyLog _log;
    private readonly List<TopicServer> _servers = [];

    public RevocationTests() => _log = new FaultyLog(_memory);

    [Theory]
    [InlineData("ann")]
    [InlineData("quotes \" and\r\nline breaks \0 😀")]
    public async Task Streams_of_the_subject_end_everywhere_and_its_tickets_are_refused(string subject)
    {
        TopicServer one = await StartAsync();
        TopicServer two = await StartAsync();
        string ticket = one.Tickets.Create(["a"], TimeSpan.FromMinutes(5), subject);
        string other = one.Tickets.Create(["a"], TimeSpan.FromMinutes(5), "bob");
        using TopicClient first = await OpenAsync(one, ticket);
        using TopicClient second = await OpenAsync(two, ticket);
        using TopicClient stays = await OpenAsync(two, other);
        await one.Tickets.RevokeAsync(subject, TestContext.Current.CancellationToken).WaitAsync(TopicServer.Limit, TestContext.Current.CancellationToken);
        Assert.Equal("event: expired\ndata: {}\n\n", await first.RestAsync());
        Assert.Equal("event: expired\ndata: {}\n\n", await second.RestAsync());
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(one, ticket));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(two, ticket));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(two, other));
        await one.PublishAsync("a", "1");
        Assert.StartsWith("data: 1\n", await stays.FrameAsync(), StringComparison.Ordinal);
        TopicServer later = await StartAsync();
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(later, ticket));
        string again = later.Tickets.Create(["a"], TimeSpan.FromMinutes(5), subject);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(later, again));
        using TopicClient back = await OpenAsync(one, again);
        await one.PublishAsync("a", "2");
        Assert.StartsWith("data: 2\n", await back.FrameAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ticket_of_the_same_second_or_without_a_time_is_refused()
    {
        TopicServer server = await StartAsync();
        await server.Tickets.RevokeAsync("ann", TestContext.Current.CancellationToken);
        long now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(server, Ticket($"\"iat\":{now - 1},")));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(server, Ticket("")));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(server, Ticket($"\"iat\":{now + 2},")));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(server, Ticket($"\"iat\":{now + 3600},")));

        string Ticket(string iat) => Jwt.Make($$"""{"topics":["a"],{{iat}}"exp":{{now + 3900}},"sub":"ann","aud":"funcsse-topics"}""");
    }

    [Fact]
    public async Task Clock_of_the_revoking_instance_that_is_an_hour_ahead_refuses_more_and_never_less()
    {
        TopicServer server = await StartAsync();
        TopicServer ahead = await StartAsync(new OffsetTimeProvider(TimeSpan.FromHours(1)));
        string ticket = server.Tickets.Create(["a"], TimeSpan.FromMinutes(5), "ann");
        using TopicClient stream = await OpenAsync(server, ticket);
        await ahead.Tickets.RevokeAsync("ann", TestContext.Current.CancellationToken).WaitAsync(TopicServer.Limit, TestContext.Current.CancellationToken);
        Assert.Equal("event: expired\ndata: {}\n\n", await stream.RestAsync());
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(server, ticket));
        // Those that are made within the hour are refused too, also by an instance that starts later.
        string later = server.Tickets.Create(["a"], TimeSpan.FromMinutes(5), "ann");
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(server, later));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(await StartAsync(), later));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(server, server.Tickets.Create(["a"], TimeSpan.FromMinutes(5), "bob")));
    }

    [Fact]
    public async Task Revocation_ends_when_no_ticket_can_be_that_old()
    {
        var clock = new ManualTimeProvider();
        clock.Jump(TimeSpan.FromDays(1000));
        TopicServer server = await StartAsync(clock, ("Topics:MaxTicketLifetime", "00:10:00"));
        string withoutTime = Ticket(300);
        await server.Tickets.RevokeAsync("ann", TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(server, withoutTime));
        clock.Jump(TimeSpan.FromMinutes(11));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(server, Ticket(300)));
        Assert.NotEmpty((await _log.ReadValuesAsync(TopicSet.Reserved("$revoked/"), 10, TestContext.Current.CancellationToken))!);
        await server.Tickets.RevokeAsync("bob", TestContext.Current.CancellationToken);
        Assert.Single((await _log.ReadValuesAsync(TopicSet.Reserved("$revoked/"), 10, TestContext.Current.CancellationToken))!);

        string Ticket(int seconds) =>
            Jwt.Make($$"""{"topics":["a"],"exp":{{clock.GetUtcNow().ToUnixTimeSeconds() + seconds}},"sub":"ann","aud":"funcsse-topics"}""");
    }

    [Fact]
    public async Task Instance_that_could_not_read_them_sends_clients_away_and_one_that_could_goes_on()
    {
        TopicServer knows = await StartAsync();
        TopicServer knowsNot = await StartAsync();
        string ticket = knows.Tickets.Create(["a"], TimeSpan.FromMinutes(5), "ann");
        using TopicClient open = await OpenAsync(knows, ticket);
        _log.IsUnreachable = true;
        using (TopicClient refused = await knowsNot.OpenAsync($"topics/a?access_token={ticket}"))
        {
            Assert.Matches("^retry: [0-9]{5}\n\n$", await refused.RestAsync());
        }

        using TopicClient stays = await knows.OpenAsync($"topics/a?access_token={ticket}");
        Assert.Equal("retry: 1000\n\n", await stays.FrameAsync());
        _log.IsUnreachable = false;
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(knowsNot, ticket));
        Assert.StartsWith("event: position\n", await stays.FrameAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Revocation_that_came_while_an_instance_was_away_ends_its_streams()
    {
        TopicServer one = await StartAsync();
        TopicServer two = await StartAsync();
        string ticket = one.Tickets.Create(["a"], TimeSpan.FromMinutes(5), "ann");
        using (await OpenAsync(two, ticket))
        {
        }

        await Eventually.TrueAsync(() => two.Services.GetRequiredService<TopicHub>().Ring.Head is null);
        await one.Tickets.RevokeAsync("ann", TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(two, ticket));
    }

    [Fact]
    public async Task Stream_that_the_app_let_in_ends_by_the_subject_and_may_come_back()
    {
        TopicServer server = await StartAsync(add: services => services.AddSingleton<ITopicAuthorization, LetsAnnIn>());
        using TopicClient client = await server.OpenAsync("topics/a");
        await client.FrameAsync();
        await client.FrameAsync();
        await server.Tickets.RevokeAsync("ann", TestContext.Current.CancellationToken);
        Assert.Equal("event: expired\ndata: {}\n\n", await client.RestAsync());
        using TopicClient back = await server.OpenAsync("topics/a");
        await back.FrameAsync();
        Assert.StartsWith("event: position\n", await back.FrameAsync(), StringComparison.Ordinal);
        await server.PublishAsync("a", "1");
        Assert.StartsWith("data: 1\n", await back.FrameAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Revocation_that_is_cleared_away_revokes_nothing()
    {
        var clock = new ManualTimeProvider();
        clock.Jump(TimeSpan.FromDays(1000));
        TopicServer server = await StartAsync(clock, ("Topics:MaxTicketLifetime", "00:10:00"));
        await server.Tickets.RevokeAsync("ann", TestContext.Current.CancellationToken);
        clock.Jump(TimeSpan.FromMinutes(11));
        string again = server.Tickets.Create(["a"], TimeSpan.FromMinutes(9), "ann");
        using TopicClient client = await OpenAsync(server, again);
        clock.Jump(TimeSpan.FromSeconds(1));
        await server.Tickets.RevokeAsync("bob", TestContext.Current.CancellationToken);
        await server.PublishAsync("a", "1");
        Assert.StartsWith("data: 1\n", await client.FrameAsync(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(server, again));
    }

    [Fact]
    public async Task Instance_that_clears_old_revocations_keeps_a_newer_one_of_another_instance()
    {
        var clock = new ManualTimeProvider();
        clock.Jump(TimeSpan.FromDays(1000));
        TopicServer one = await StartAsync(clock, ("Topics:MaxTicketLifetime", "00:10:00"));
        TopicServer two = await StartAsync(clock, ("Topics:MaxTicketLifetime", "00:10:00"));
        await one.Tickets.RevokeAsync("ann", TestContext.Current.CancellationToken);
        clock.Jump(TimeSpan.FromMinutes(11));
        string ticket = one.Tickets.Create(["a"], TimeSpan.FromMinutes(9), "ann");
        clock.Jump(TimeSpan.FromSeconds(1));
        await two.Tickets.RevokeAsync("ann", TestContext.Current.CancellationToken);
        await one.Tickets.RevokeAsync("bob", TestContext.Current.CancellationToken);
        TopicServer later = await StartAsync(clock, ("Topics:MaxTicketLifetime", "00:10:00"));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(later, ticket));
    }

    [Fact]
    public async Task Revocation_that_came_while_the_log_was_away_ends_a_stream_that_the_app_let_in()
    {
        TopicServer one = await StartAsync(add: services => services.AddSingleton<ITopicAuthorization, LetsAnnIn>());
        TopicServer two = await StartAsync();
        _log.IsUnreachable = true;
        using TopicClient client = await one.OpenAsync("topics/a");
        await client.FrameAsync();
        await Eventually.TrueAsync(() => one.Services.GetRequiredService<TopicHub>().IsLogUnreachable);
        _log.OnAppend = (append, _) => append();
        await two.Services.GetRequiredService<TopicHub>().DisposeAsync();
        MemoryEventLog own = _memory;
        await own.AppendAsync(
            [new NumberedRecord(1, new EventRecord(Revocations.TopicOf("ann"), null, DateTimeOffset.UtcNow, "revoked"u8.ToArray(), true).Encode(), Revocations.TopicOf("ann"))],
            TestContext.Current.CancellationToken);
        _log.IsUnreachable = false;
        Assert.EndsWith("event: expired\ndata: {}\n\n", await client.RestAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ticket_of_the_same_millisecond_is_refused_on_every_instance()
    {
        var clock = new ManualTimeProvider();
        clock.Jump(TimeSpan.FromDays(20_000));
        TopicServer one = await StartAsync(clock);
        for (int number = 0; number < 20; number++)
        {
            clock.Jump(TimeSpan.FromMilliseconds(37));
            string ticket = one.Tickets.Create(["a"], TimeSpan.FromMinutes(5), $"ann{number}");
            await one.Tickets.RevokeAsync($"ann{number}", TestContext.Current.CancellationToken);
            Assert.Equal((number, HttpStatusCode.Unauthorized), (number, await StatusAsync(one, ticket)));
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (TopicServer server in _servers)
        {
            await server.DisposeAsync();
        }
    }

    private Task<TopicServer> StartAsync(TimeProvider? time, params (string, string)[] settings) => StartAsync(time, add: null, settings);

    private async Task<TopicServer> StartAsync(TimeProvider? time = null, Action<IServiceCollection>? add = null, params (string, string)[] settings)
    {
        TopicServer server = await TopicServer.StartAsync(
            TopicServer.WithKey(settings),
            time,
            services =>
            {
                services.AddSingleton<IEventLog>(new InstanceLog(_log));
                add?.Invoke(services);
            });
        _servers.Add(server);
        return server;
    }

    private static async Task<TopicClient> OpenAsync(TopicServer server, string ticket)
    {
        TopicClient client = await server.OpenAsync($"topics/a?access_token={ticket}");
        await client.FrameAsync();
        Assert.StartsWith("event: position\n", await client.FrameAsync(), StringComparison.Ordinal);
        return client;
    }

    private static async Task<HttpStatusCode> StatusAsync(TopicServer server, string ticket) =>
        (await server.HeadAsync($"topics/a?access_token={ticket}")).StatusCode;

    private sealed class LetsAnnIn : ITopicAuthorization
    {
        public ValueTask<TopicAuthorizationResult> AuthorizeAsync(HttpContext http, TopicSet topics) =>
            ValueTask.FromResult(TopicAuthorizationResult.Allow(subject: "ann"));
    }
}
