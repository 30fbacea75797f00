using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace FuncSse.Benchmarks;

/// <summary>What a .NET developer writes: a channel a subscriber, and a publisher that writes to all of them. Nothing can be resumed.</summary>
internal static class HandWrittenTopics
{
    private static readonly ConcurrentDictionary<Channel<string>, bool> s_subscribers = [];

    public static int Run()
    {
        WebApplicationBuilder builder = WebApplication.CreateBuilder(["--urls", "http://127.0.0.1:0"]);
        builder.Logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning);
        WebApplication app = builder.Build();
        app.MapGet("/topics/x", (CancellationToken cancelled) => TypedResults.ServerSentEvents(SubscribeAsync(cancelled)));
        app.MapPost("/topics/x", async (HttpRequest request) =>
        {
            using var reader = new StreamReader(request.Body);
            string data = await reader.ReadToEndAsync();
            foreach (Channel<string> subscriber in s_subscribers.Keys)
            {
                subscriber.Writer.TryWrite(data);
            }
        });
        app.Run();
        return 0;
    }

    private static async IAsyncEnumerable<string> SubscribeAsync([EnumeratorCancellation] CancellationToken cancelled)
    {
        var channel = Channel.CreateUnbounded<string>(new UnboundedChannelOptions { SingleReader = true });
        s_subscribers.TryAdd(channel, true);
        try
        {
            await foreach (string data in channel.Reader.ReadAllAsync(cancelled))
            {
                yield return data;
            }
        }
        finally
        {
            s_subscribers.TryRemove(channel, out _);
        }
    }
}
