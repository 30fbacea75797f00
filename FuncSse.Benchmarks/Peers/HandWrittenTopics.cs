using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace FuncSse.Benchmarks;

/// <summary>
/// What a .NET developer writes: a channel for each subscriber, and a publisher that writes to all of them. Nothing can be resumed. Without
/// subscribers it is a minimal API that reads the body and answers.
/// </summary>
internal static class HandWrittenTopics
{
    private static readonly ConcurrentDictionary<Channel<string>, bool> s_subscribers = [];

    public static void Map(WebApplication app)
    {
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
