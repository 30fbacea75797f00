using System.Net;
using FuncSse.Streaming;
using FuncSse.Tests.Topics;
using Microsoft.AspNetCore.Http;

namespace FuncSse.Tests;

/// <summary>How many streams one client may have.</summary>
[Trait("Category", "Fast")]
public sealed class ClientLimitTests
{
    [Theory]
    [InlineData(0, "192.0.2.1", "203.0.113.1", "address 192.0.2.1")]
    [InlineData(1, "192.0.2.1", "203.0.113.1", "address 203.0.113.1")]
    [InlineData(1, "192.0.2.1", "203.0.113.1:1234", "address 203.0.113.1")]
    [InlineData(1, "192.0.2.1", "198.51.100.1, 203.0.113.1:1234", "address 203.0.113.1")]
    [InlineData(2, "192.0.2.1", "198.51.100.1, 203.0.113.1", "address 198.51.100.1")]
    [InlineData(2, "192.0.2.1", "203.0.113.1", "address 192.0.2.1")]
    [InlineData(1, "192.0.2.1", "", "address 192.0.2.1")]
    [InlineData(1, "192.0.2.1", "unknown", "address 192.0.2.1")]
    [InlineData(1, "192.0.2.1", "[2001:db8:1:2:3:4:5:6]:1234", "address 2001:db8:1:2::")]
    [InlineData(0, "2001:db8:1:2:3:4:5:6", "", "address 2001:db8:1:2::")]
    [InlineData(0, "::ffff:192.0.2.1", "", "address 192.0.2.1")]
    [InlineData(0, null, "", "address ")]
    public void Client_is_the_address_that_can_be_trusted(int proxies, string? connection, string forwarded, string client)
    {
        var http = new DefaultHttpContext();
        http.Connection.RemoteIpAddress = connection is null ? null : IPAddress.Parse(connection);
        http.Request.Headers["X-Forwarded-For"] = forwarded;
        var clients = new ClientLimiter(new SseOptions { MaxStreamsPerClient = 1, Proxies = proxies });
        Assert.Equal(client, clients.GetKey(http, subject: null));
        Assert.Equal("subject ann", clients.GetKey(http, "ann"));
        Assert.Null(new ClientLimiter(new SseOptions()).GetKey(http, "ann"));
    }

    [Theory]
    [InlineData("203.0.113.1", "address 203.0.113.1")]
    [InlineData("203.0.113.1:1234", "address 203.0.113.1")]
    [InlineData("[2001:db8:1:2:3:4:5:6]:1234", "address 2001:db8:1:2::")]
    [InlineData("203.0.113.1, 198.51.100.1", "address 192.0.2.1")]
    [InlineData("", "address 192.0.2.1")]
    public void Client_is_the_address_in_the_header_of_the_front_end(string header, string client)
    {
        var http = new DefaultHttpContext();
        http.Connection.RemoteIpAddress = IPAddress.Parse("192.0.2.1");
        http.Request.Headers["X-Azure-ClientIP"] = header;
        http.Request.Headers["X-Forwarded-For"] = "198.51.100.9";
        Assert.Equal(client, new ClientLimiter(new SseOptions { MaxStreamsPerClient = 1, Proxies = 1, ClientHeader = "x-azure-clientip" }).GetKey(http, subject: null));
    }

    [Fact]
    public async Task Client_has_so_many_streams_and_comes_back_later_for_more()
    {
        await using TopicServer server = await TopicServer.StartAsync([("Sse:MaxStreamsPerClient", "2"), ("Sse:Proxies", "1")]);
        (string, string) client = ("X-Forwarded-For", "203.0.113.1");
        using TopicClient first = await server.OpenAsync("topics/a", client);
        Assert.Equal("retry: 1000\n\n", await first.FrameAsync());
        TopicClient second = await server.OpenAsync("topics/b", ("X-Forwarded-For", "203.0.113.9, 203.0.113.1:999"));
        Assert.Equal("retry: 1000\n\n", await second.FrameAsync());
        using (TopicClient refused = await server.OpenAsync("topics/a", client))
        {
            Assert.Matches(@"^retry: [1-3]\d{4}\n\n$", await refused.RestAsync());
        }

        using TopicClient other = await server.OpenAsync("topics/a", ("X-Forwarded-For", "203.0.113.1, 203.0.113.2"));
        Assert.Equal("retry: 1000\n\n", await other.FrameAsync());
        second.Dispose();
        await Eventually.TrueAsync(async () =>
        {
            using TopicClient again = await server.OpenAsync("topics/a", client);
            return await again.FrameAsync() == "retry: 1000\n\n";
        });
    }

    [Theory]
    [InlineData(64, HttpStatusCode.OK)]
    [InlineData(65, HttpStatusCode.BadRequest)]
    public async Task Stream_has_so_many_topics(int topics, HttpStatusCode status)
    {
        await using TopicServer server = await TopicServer.StartAsync([]);
        using HttpResponseMessage response = await server.HeadAsync($"topics?{string.Join('&', Enumerable.Range(0, topics).Select(number => $"topic=t{number}"))}");
        Assert.Equal(status, response.StatusCode);
    }

    [Fact]
    public async Task Subject_of_the_ticket_goes_before_the_address()
    {
        await using TopicServer server = await TopicServer.StartAsync(TopicServer.WithKey(("Sse:MaxStreamsPerClient", "1")));
        (string, string) ann = ("Authorization", $"Bearer {server.Tickets.Create(["a"], TimeSpan.FromMinutes(1), "ann")}");
        (string, string) bob = ("Authorization", $"Bearer {server.Tickets.Create(["a"], TimeSpan.FromMinutes(1), "bob")}");
        using TopicClient first = await server.OpenAsync("topics/a", ann);
        Assert.Equal("retry: 1000\n\n", await first.FrameAsync());
        using TopicClient second = await server.OpenAsync("topics/a", bob);
        Assert.Equal("retry: 1000\n\n", await second.FrameAsync());
        using TopicClient refused = await server.OpenAsync("topics/a", ann);
        Assert.Matches(@"^retry: [1-3]\d{4}\n\n$", await refused.RestAsync());
    }
}
