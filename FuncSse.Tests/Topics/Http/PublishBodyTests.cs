using System.Collections.Concurrent;
using System.Text;
using FuncSse.Topics;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace FuncSse.Tests.Topics;

/// <summary>Publishers whose request breaks: a failure of theirs is none of the app's, whose platform counts what leaves a function.</summary>
[Trait("Category", "Fast")]
public sealed class PublishBodyTests
{
    private readonly ConcurrentQueue<Exception> _failures = new();
    private int _requests;

    [Fact]
    public async Task Publisher_that_leaves_in_the_midst_of_the_body_is_no_failure()
    {
        await using TopicServer server = await StartAsync();
        using (await SendAsync(server, "Content-Length: 100\r\n\r\nabc"))
        {
            await Eventually.TrueAsync(() => Volatile.Read(ref _requests) == 1);
        }

        await Eventually.TrueAsync(() => Volatile.Read(ref _requests) == 0);
        Assert.Empty(_failures);
    }

    [Fact]
    public async Task Publisher_that_leaves_while_the_log_is_away_is_no_failure()
    {
        await using TopicServer server = await StartAsync(isLogAway: true);
        using (await SendAsync(server, "Content-Length: 3\r\n\r\nabc"))
        {
            await Eventually.TrueAsync(() => Volatile.Read(ref _requests) == 1);
        }

        await Eventually.TrueAsync(() => Volatile.Read(ref _requests) == 0);
        Assert.Empty(_failures);
    }

    [Fact]
    public async Task Body_that_is_no_body_is_a_400_that_every_page_may_read()
    {
        await using TopicServer server = await StartAsync();
        using RawClient client = await SendAsync(server, "Transfer-Encoding: chunked\r\n\r\nzz\r\n");
        string answer = await client.ReadUntilAsync("\r\n0\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 400 ", answer, StringComparison.Ordinal);
        Assert.Contains("\r\nAccess-Control-Allow-Origin: *\r\n", answer, StringComparison.Ordinal);
        Assert.Empty(_failures);
    }

    private static Task<RawClient> SendAsync(TopicServer server, string rest)
    {
        Uri address = server.Client.BaseAddress!;
        return RawClient.SendAsync(address, Encoding.ASCII.GetBytes($"POST /topics/a HTTP/1.1\r\nHost: {address.Authority}\r\n{rest}"));
    }

    private Task<TopicServer> StartAsync(bool isLogAway = false) => TopicServer.StartAsync(
        [],
        add: services =>
        {
            if (isLogAway)
            {
                services.Replace(ServiceDescriptor.Singleton<IEventLog>(new FaultyLog(new MemoryEventLog(new TopicOptions(), TimeProvider.System)) { IsUnreachable = true }));
            }
        },
        use: app => app.Use(async (http, next) =>
        {
            Interlocked.Increment(ref _requests);
            try
            {
                await next(http);
            }
            catch (Exception exception)
            {
                _failures.Enqueue(exception);
            }

            Interlocked.Decrement(ref _requests);
        }));
}
